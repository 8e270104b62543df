/** New Message-IDs (RFC 5322 section 3.6.4, MSG-007). */
import * as Result from "effect/Result"
import type * as MessageError from "../MessageError.ts"
import * as AddressList from "../AddressList.ts"
import type { Mailbox } from "./addressPort.ts"
import type { Ambient } from "./ambient.ts"
import { token } from "./ambient.ts"

/** An id that is unique by time and chance, at the author's domain in ASCII. */
export const newMessageId = (author: Mailbox, ambient: Ambient): Result.Result<string, MessageError.MessageError> =>
  Result.map(
    AddressList.domainText(author, "From"),
    (domain) => `<${ambient.now.toString(36)}.${token(ambient)}@${domain}>`
  )
