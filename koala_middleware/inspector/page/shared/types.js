// @ts-check
// What the API answers, for those who read the code and for TypeScript's checker.

/**
 * @typedef {object} Row an event of the list
 * @property {number} id
 * @property {string} message_id
 * @property {number} received_at Unix time
 * @property {number | null} timestamp the event's own, as Unix time
 * @property {string | null} write_key
 * @property {string | null} type
 * @property {string | null} event
 * @property {string | null} user_id
 * @property {string | null} anonymous_id
 * @property {string | null} profile_id
 * @property {string | null} email
 * @property {string} verdict
 * @property {string | null} reason
 * @property {string | null} title the reason, in words
 * @property {string | null} hint
 * @property {string | null} cause
 * @property {string | null} call
 * @property {string | null} request
 * @property {string | null} koala_version
 * @property {string | null} preview
 *
 * @typedef {object} Name an event's name, and what became of it
 * @property {string | null} type
 * @property {string | null} event
 * @property {number} count
 * @property {number} accepted
 *
 * @typedef {object} Address what is shown
 * @property {string} q
 * @property {string} verdict
 * @property {string} visitor
 * @property {number | null} event
 * @property {string} span
 * @property {string} by
 */

export {};
