/** New Message-IDs (RFC 5322 section 3.6.4, MSG-007). */
import * as Address from "@effect-mail/protocol/Address"
import type { Ambient } from "./ambient.ts"
import { token } from "./ambient.ts"

/** An id that is unique by time and chance, at the author's domain in ASCII. */
export const newMessageId = (author: Address.Mailbox, ambient: Ambient): string =>
  `<${ambient.now.toString(36)}.${token(ambient)}@${Address.asciiDomain(author)}>`
