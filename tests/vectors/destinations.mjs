// Make destinations.ndjson with the published code of Segment's destinations: how each of them maps
// an event that has a preset's browser ids, and what it then sends. Nothing goes over the network.
//
//     $ cd "$(mktemp -d)"
//     $ echo '{"overrides": {"@aws-sdk/client-kinesis": "^3.894.0", "fast-uri": "3.0.6"}}' > package.json
//     $ npm install --ignore-scripts @segment/action-destinations@3.497.0 xml-js
//     $ node …/tests/vectors/destinations.mjs
//
// The package needs xml-js without saying so, a version of client-kinesis that the registry may lack,
// and a fast-uri that takes its schemas' names for URIs.

import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(`${process.cwd()}/`)
const packageRequire = createRequire(require.resolve('@segment/actions-core'))

const fetchPath = packageRequire.resolve('cross-fetch')
const { Headers, Request, Response } = packageRequire('cross-fetch')
let sent = []
const fetch = async (resource, init) => {
  const request = new Request(resource, init)
  sent.push(Object.fromEntries(new URL(request.url).searchParams))
  const body = await request.text()
  if (body) sent.push(JSON.parse(body))
  return new Response('{}', { status: 200, headers: { 'content-type': 'application/json' } })
}
require.cache[fetchPath].exports = Object.assign(fetch, { default: fetch, fetch, Headers, Request, Response })

const { manifest } = require('@segment/action-destinations')
const { Destination, defaultValues, transform } = require('@segment/actions-core')

const UUID = '3e6a2c18-3b02-40c4-b8d2-1842c193d3ba'
const FBP = 'fb.1.1596403881668.1116446470'
const FBC = 'fb.1.1554763741205.IwAR2F4-dbP0l7Mn1IawQQGCINEz7PYXQvwjNwB_qa2ofrHyiLjcbCRxTDGrc'
const GCLID = 'Cj0KCQjw0NPGBhCDARIsAGAzpp3b_wcB'
const byHand = (path) => ({ '@path': `$.${path}` })

// cookies and query: of the request. ids: where in the event they belong. mapping: what a user has
// to change in Segment for the ids that no default mapping reads.
const CASES = [
  { preset: 'KOALA', slug: 'actions-koala-cloud', cookies: `ko_id=${UUID}`,
    ids: { 'properties.profile_id': UUID } },
  { preset: 'KOALA', slug: 'actions-koala-cloud', type: 'identify', cookies: `ko_id=${UUID}`,
    ids: { 'traits.profile_id': UUID } },
  { preset: 'FACEBOOK_CONVERSIONS', slug: 'actions-facebook-conversions-api',
    settings: { pixelId: '1' }, cookies: `_fbp=${FBP}; _fbc=${FBC}`,
    ids: { 'properties.fbp': FBP, 'properties.fbc': FBC } },
  ...['tiktok-conversions', 'actions-tiktok-offline-conversions'].map((slug) => ({
    preset: 'TIKTOK_CONVERSIONS', slug, cookies: '_ttp=2ABcd', query: 'ttclid=E.C.P.xyz',
    ids: { 'properties.ttp': '2ABcd', 'properties.ttclid': 'E.C.P.xyz' } })),
  { preset: 'SNAP_CONVERSIONS', slug: 'actions-snap-conversions', settings: { pixel_id: 'p' },
    cookies: `_scid=${UUID}; analytics_snap_capi_click_id=old`, query: 'ScCid=click-1',
    ids: { 'integrations.Snap Conversions Api.uuid_c1': UUID,
           'integrations.Snap Conversions Api.click_id': 'click-1' } },
  { preset: 'REDDIT_CONVERSIONS', slug: 'actions-reddit-conversions-api',
    settings: { ad_account_id: 'a', conversion_token: 't', test_mode: true },
    cookies: `_rdt_uuid=1700000000000.${UUID}; rdt_cid_seg=click-2`,
    ids: { 'integrations.Reddit Conversions Api.uuid': `1700000000000.${UUID}`,
           'integrations.Reddit Conversions Api.click_id': 'click-2' } },
  { preset: 'MICROSOFT_BING_CAPI', slug: 'actions-ms-bing-capi',
    settings: { UetTag: '1', ApiToken: 't' }, query: 'msclkid=click-3',
    ids: { 'properties.msclkid': 'click-3' } },
  { preset: 'NEXTDOOR_CONVERSIONS', slug: 'actions-nextdoor-capi',
    settings: { client_id: 'c', pixel_id: 'p' }, cookies: 'ndclid=click-4', chosen: { event_name: 'purchase' },
    ids: { 'integrations.Nextdoor Conversions API.click_id': 'click-4' } },
  { preset: 'ROKT', slug: 'actions-rokt-capi', settings: { apiKey: 'k', apiSecret: 's' },
    query: 'rtid=click-5', ids: { 'integrations.Rokt Conversions API.rtid': 'click-5' } },
  { preset: 'ROKT', slug: 'actions-rokt-capi', type: 'identify',
    settings: { apiKey: 'k', apiSecret: 's' }, query: 'rtid=click-5',
    ids: { 'integrations.Rokt Conversions API.rtid': 'click-5', 'traits.rtid': 'click-5' } },
  { preset: 'AMPLITUDE', slug: 'actions-amplitude', settings: { apiKey: 'k', secretKey: 's' },
    cookies: 'analytics_session_id=1700000000000',
    ids: { 'integrations.Actions Amplitude.session_id': '1700000000000' } },
  { preset: 'DUB', slug: 'actions-dub', settings: { apiKey: 'k' }, cookies: 'dub_id=click-6',
    ids: { 'integrations.Dub (Actions).dub_id': 'click-6' } },
  { preset: 'ALGOLIA_INSIGHTS', slug: 'actions-algolia-insights',
    settings: { appId: 'a', apiKey: 'k' },
    chosen: { index: 'i', filters: [{ attribute: 'a', value: 'b' }] },
    cookies: 'analytics_algolia_query_id=43b15df305339e827f0ac0bdc5ebcaa7',
    ids: { 'properties.query_id': '43b15df305339e827f0ac0bdc5ebcaa7' } },
  { preset: 'GOOGLE_ADS', slug: 'actions-google-enhanced-conversions',
    settings: { customerId: '1234567890' },
    cookies: `_gcl_aw=GCL.1700000000.${GCLID}; google_session_attributes_encoded=eyJnYWQiOiIxIn0`,
    query: 'gbraid=0AAAAA&wbraid=Cj8K',
    ids: { 'properties.gclid': GCLID, 'properties.gbraid': '0AAAAA', 'properties.wbraid': 'Cj8K',
      'integrations.Google Ads Conversions.session_attributes_encoded': 'eyJnYWQiOiIxIn0' },
    mapping: { gclid: byHand('properties.gclid'), gbraid: byHand('properties.gbraid'),
      wbraid: byHand('properties.wbraid') } },
  ...[['gclid', GCLID], ['dclid', 'CJKu8LrQxd4CFQ1qwQodmJIElw']].map(([name, value]) => ({
    preset: 'CAMPAIGN_MANAGER_360', slug: 'actions-google-campaign-manager-360',
    settings: { profileId: '1', defaultFloodlightActivityId: '2',
      defaultFloodlightConfigurationId: '3' },
    // It takes exactly one id, and for userId, too, its default mapping has a place among them.
    userId: null, chosen: { quantity: '1' }, query: `${name}=${value}`, ids: { [`integrations.Campaign Manager 360.${name}`]: value } })),
  { preset: 'GOOGLE_ANALYTICS_4', argument: 'G-ABC123DEF4', slug: 'actions-google-analytics-4',
    settings: { measurementId: 'G-ABC123DEF4', apiSecret: 's' },
    cookies: '_ga=GA1.1.1234567890.1700000000; _ga_ABC123DEF4=GS2.1.s1747132561$o1$g0$t1747132655',
    ids: { 'properties.ga_client_id': '1234567890.1700000000',
      'properties.ga_session_id': '1747132561' },
    mapping: { clientId: byHand('properties.ga_client_id'), client_id: byHand('properties.ga_client_id'),
      params: { session_id: byHand('properties.ga_session_id') } } },
  { preset: 'PINTEREST', slug: 'actions-pinterest-conversions-api',
    settings: { ad_account_id: 'a', conversion_token: 't' }, cookies: '_epik=dj0yJnU9',
    chosen: { event_name: 'checkout', action_source: 'web', app_name: 'Shop' },
    ids: { 'properties.epik': 'dj0yJnU9' },
    mapping: { user_data: { click_id: byHand('properties.epik') } } },
  { preset: 'LINKEDIN', slug: 'actions-linkedin-conversions', cookies: `li_fat_id=${UUID}`,
    ids: { 'properties.li_fat_id': UUID },
    mapping: { linkedInUUID: byHand('properties.li_fat_id') } },
  { preset: 'HUBSPOT', slug: 'actions-hubspot-cloud', settings: { portalId: '1' },
    cookies: 'hubspotutk=5d0a9b1c2e3f4a5b6c7d8e9f00112233',
    ids: { 'properties.hubspotutk': '5d0a9b1c2e3f4a5b6c7d8e9f00112233' },
    mapping: { utk: byHand('properties.hubspotutk') } }
]

// What destinations want of an event besides the ids.
const BASE = {
  track: { type: 'track', event: 'Order Completed', properties: {
    order_id: 'o-1', product_id: 'p-1', name: 'Shirt', promotion_id: 'r-1', query: 'shirt', currency: 'EUR', value: 9.5, revenue: 9.5, total: 9.5, content_type: 'product',
    products: [{ product_id: 'p-1', name: 'Shirt', price: 9.5, quantity: 1, category: 'c' }] } },
  identify: { type: 'identify', traits: { email: 'ada@example.com' } }
}
const COMMON = {
  messageId: 'm-1', timestamp: '2026-11-23T10:11:12.000Z', anonymousId: 'a-1',
  context: { ip: '192.0.2.1', userAgent: 'Mozilla/5.0', page: { url: 'https://example.com/' },
    traits: { email: 'ada@example.com' }, library: { name: 'analytics-python' } }
}
// What a user has to choose in Segment, whatever the ids, by the names of the actions' fields.
const CHOSEN = {
  __segment_internal_sync_mode: 'add', action_source: 'website', adjustment_type: 'RETRACTION',
  conversion_action: '1', custom_event_name: 'Bought', event: 'CompletePayment', eventName: 'pe1_Bought',
  event_type: 'PURCHASE', onMappingSave: { outputs: { id: '1' } },
  ordinal: '1', tracking_type: 'Purchase'
}

function place(event, path, value) {
  const [root, ...rest] = path.split('.')
  const keys = root === 'integrations' ? [rest.slice(0, -1).join('.'), rest.at(-1)] : rest
  let object = (event[root] ??= {})
  for (const key of keys.slice(0, -1)) object = object[key] ??= {}
  object[keys.at(-1)] = value
}

function leaves(value, at = [], found = []) {
  if (value !== null && typeof value === 'object')
    for (const key of Object.keys(value)) leaves(value[key], [...at, key], found)
  else found.push([at.join('.'), value])
  return found
}

// Where the ids are in an object, other than in copies of the event's own parts.
function places(object, ids) {
  const wanted = new Set(Object.values(ids))
  return Object.fromEntries(leaves(object).filter(([, value]) => wanted.has(String(value))))
}

const merge = (defaults, given) => {
  const merged = { ...defaults }
  for (const [key, value] of Object.entries(given))
    merged[key] = value['@path'] || typeof value !== 'object' ? value : { ...merged[key], ...value }
  return merged
}

const lines = []
for (const { preset, argument, slug, type = 'track', cookies = '', query = '', settings = {}, ids,
             mapping = {}, chosen = {},
             userId = 'u-1' } of CASES) {
  const { definition } = Object.values(manifest).find((entry) => entry.definition.slug === slug)
  const destination = new Destination(definition)
  const event = { ...structuredClone(COMMON), userId, ...structuredClone(BASE[type]) }
  const before = structuredClone(event)
  for (const [path, value] of Object.entries(ids)) place(event, path, value)
  const filled = Object.fromEntries(['properties', 'traits', 'integrations']
    .filter((part) => part in event).map((part) => [part, event[part]]))
  const unread = new Set(Object.values(ids))
  for (const [name, action] of Object.entries(definition.actions)) {
    const defaults = (definition.presets ?? []).find(
      (each) => each.partnerAction === name && each.subscribe?.includes(`"${type}"`))?.mapping
    const ours = Object.fromEntries(Object.entries(mapping).filter(([field]) => field in action.fields))
    if (Object.keys(mapping).length && !Object.keys(ours).length) continue
    const standard = defaults ?? defaultValues(action.fields)
    const full = merge(standard, ours)
    const payload = places(transform(full, event), ids)
    if (Object.keys(payload).length === 0) continue
    for (const value of Object.values(payload)) unread.delete(String(value))
    sent = []
    for (const [field, value] of Object.entries(CHOSEN)) full[field] ??= value
    Object.assign(full, chosen)
    await destination.executeAction(name, { event, mapping: full, settings, auth: { accessToken: 't' },
      features: {} })
    lines.push({ preset, argument, destination: definition.name, action: name, cookies, query,
      event: before, filled, mapping: ours, by_default: places(transform(standard, event), ids),
      payload, sent: places(sent, ids) })
  }
  if (unread.size) throw new Error(`${preset}: ${definition.name} (${type}) does not read ${[...unread]}`)
}
writeFileSync(new URL('destinations.ndjson', import.meta.url),
  lines.map((line) => JSON.stringify(line) + '\n').join(''))
console.log(`${lines.length} vectors`)
