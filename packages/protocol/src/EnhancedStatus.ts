/**
 * Enhanced mail system status codes (RFC 3463), as the text `class.subject.detail`. A code found in a reply counts only
 * when its class agrees with the reply code (RFC 2034 section 4, CLASS-61).
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * Schema of an enhanced status code: class 2, 4 or 5, subject and detail of one to three digits without leading zeros.
 *
 * @category schemas
 * @since 0.1.0
 */
export const EnhancedStatus = Schema.String.check(Schema.isPattern(/^[245]\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/))

/**
 * An enhanced status code such as `5.1.1`.
 *
 * @category models
 * @since 0.1.0
 */
export type EnhancedStatus = string
