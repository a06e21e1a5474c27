"""Configure Sphinx."""

from importlib import metadata

project = "koala-middleware"
version = release = metadata.version(project)

extensions = ["sphinx.ext.autodoc"]
exclude_patterns = ["_build", "_measured"]  # the tables are parts of pages
# A reference that leads nowhere is a warning, but for those to other projects, which would have to
# be looked up online, and to type variables.
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!koala_middleware\b).*|.*\.[A-Z]")]

html_theme = "furo"
html_title = f"{project} {version}"
html_show_copyright = False
