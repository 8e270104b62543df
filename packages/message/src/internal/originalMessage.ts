/** The returned part of a report as a value. */
import * as Result from "effect/Result"
import * as Encoding from "../Encoding.ts"
import type { MessageField, OriginalMessage } from "../OriginalMessage.ts"
import * as HeaderSection from "./headerSection.ts"

const isBounce = (headers: ReadonlyArray<MessageField>): boolean =>
  headers.some(([name, value]) => {
    const text = value.toLowerCase()
    switch (name.toLowerCase()) {
      case "return-path":
        return text.replace(/\s/g, "") === "<>"
      case "x-failed-recipients":
        return true
      case "content-type":
        return text.startsWith("multipart/report") && text.includes("delivery-status")
      default:
        return false
    }
  })

const fieldsOf = (section: HeaderSection.Section): ReadonlyArray<MessageField> =>
  section.fields.flatMap((field): ReadonlyArray<MessageField> => {
    const value = HeaderSection.value(section, field)
    return Result.isSuccess(value) ? [[HeaderSection.nameOf(section, field), value.success]] : []
  })

/** What can be read of a returned message or header; nothing when it begins with no header. */
export const read = (bytes: Uint8Array): OriginalMessage | undefined => {
  const section = HeaderSection.parse(Encoding.toCrlf(bytes))
  if (Result.isFailure(section)) return undefined
  const headers = fieldsOf(section.success)
  const messageId = HeaderSection.messageId(section.success)
  return { ...(messageId === undefined ? {} : { messageId }), headers, bounce: isBounce(headers) }
}
