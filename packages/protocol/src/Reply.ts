/**
 * A server's reply (RFC 5321 section 4.2): one code, one or more lines of text. A value without behaviour; what a reply
 * means for a delivery is decided in `Failure`, how it is read from bytes in `ReplyDecoder`.
 *
 * @since 0.1.0
 */
import type { EnhancedStatus } from "./EnhancedStatus.ts"

/**
 * A complete reply. `lines` holds the text of each line without code, separator and line end, the enhanced status code
 * still in it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Reply {
  readonly code: number
  readonly enhanced: EnhancedStatus | undefined
  readonly lines: ReadonlyArray<string>
}
