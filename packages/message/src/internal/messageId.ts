/** New Message-IDs (RFC 5322 section 3.6.4, MSG-007). */
import type { Mailbox } from "./addressPort.ts"
import { asciiDomain } from "./addressPort.ts"
import type { Ambient } from "./ambient.ts"
import { token } from "./ambient.ts"

/** An id that is unique by time and chance, at the author's domain in ASCII. */
export const newMessageId = (author: Mailbox, ambient: Ambient): string =>
  `<${ambient.now.toString(36)}.${token(ambient)}@${asciiDomain(author)}>`
