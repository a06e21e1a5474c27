"""Real servers under load: no event may carry another visitor's id, and none may be lost."""
