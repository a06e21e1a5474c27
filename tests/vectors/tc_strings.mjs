// Make tc_strings.ndjson with the IAB's own encoder: consent strings, and what each grants.
//
//     $ cd "$(mktemp -d)"
//     $ npm install --ignore-scripts @iabtcf/core@1.5.6
//     $ node …/tests/vectors/tc_strings.mjs

import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const { GVL, TCModel, TCString } = createRequire(`${process.cwd()}/`)('@iabtcf/core')

const IDS = [1, 2, 3, 10, 28, 755, 793, 1126]
const EVERY_PURPOSE = Array.from({ length: 11 }, (_, index) => index + 1)
const named = (ids) => Object.fromEntries(ids.map((id) => [id, { id, name: `${id}` }]))
const VENDOR = { purposes: [1], legIntPurposes: [1], flexiblePurposes: [], specialPurposes: [],
  features: [], specialFeatures: [] }
const LIST = { gvlSpecificationVersion: 3, vendorListVersion: 48, tcfPolicyVersion: 4,
  lastUpdated: '2024-01-01T00:00:00Z', purposes: named(EVERY_PURPOSE), specialPurposes: {},
  features: {}, specialFeatures: {}, stacks: {}, dataCategories: {},
  vendors: Object.fromEntries(IDS.map((id) => [id, { id, name: `${id}`, ...VENDOR }])) }

function encode(purposes, vendors) {
  const model = new TCModel(new GVL(LIST))
  Object.assign(model, { cmpId: 10, cmpVersion: 1, consentScreen: 1, consentLanguage: 'EN' })
  model.created = model.lastUpdated = new Date('2023-11-14T22:13:20Z')
  model.purposeConsents.set(purposes)
  model.purposeLegitimateInterests.set(EVERY_PURPOSE) // no consent
  model.vendorConsents.set(vendors)
  model.vendorLegitimateInterests.set(IDS)
  return TCString.encode(model)
}

const lines = [
  [[], []], [[1], [755]], [[1, 3, 4], [2, 10]], [[2, 11], [1, 2, 3]], [EVERY_PURPOSE, IDS],
  [[5], [1126]], [[7, 8, 9, 10], [1, 2, 3, 10, 28]]
].map(([purposes, vendors]) => JSON.stringify({ purposes, vendors, text: encode(purposes, vendors) }))
writeFileSync(new URL('tc_strings.ndjson', import.meta.url), lines.join('\n') + '\n')
