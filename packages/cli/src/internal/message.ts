/** The message that the flags of `send` describe. */
import * as AddressList from "@effect-mail/message/AddressList"
import * as Attachment from "@effect-mail/message/Attachment"
import * as Message from "@effect-mail/message/Message"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { CliError } from "../CliError.ts"
import * as ExitStatus from "../ExitStatus.ts"
import * as File from "./file.ts"

/** What the flags say about the message. */
export interface Input {
  readonly from: string
  readonly to: ReadonlyArray<string>
  readonly subject: Option.Option<string>
  readonly text: Option.Option<string>
  readonly html: Option.Option<string>
  readonly attach: ReadonlyArray<string>
  readonly eml: Option.Option<string>
}

const unusable = (message: string): CliError => new CliError({ status: ExitStatus.data, message })

/** The message; fails with a `CliError` when an address or a file cannot be used, or flags contradict each other. */
export const message = Effect.fnUntraced(function* (input: Input) {
  const [from, ...more] = yield* addresses("--from", input.from)
  if (from === undefined || more.length > 0) return yield* unusable("--from: exactly one address is needed")
  const to = (yield* Effect.forEach(input.to, (list) => addresses("--to", list))).flat()
  return Option.isSome(input.eml) ? yield* ready(input, from, to, input.eml.value) : yield* composed(input, from, to)
})

// One address or a list as it stands in a header: "Ada <ada@example.com>, bob@example.net".
const addresses = (flag: string, list: string) =>
  Effect.fromResult(AddressList.parse(list, flag)).pipe(
    Effect.map(AddressList.mailboxes),
    Effect.filterOrFail(
      (mailboxes) => mailboxes.length > 0,
      () => unusable(`${flag}: there is no address in ${JSON.stringify(list)}`)
    ),
    Effect.mapError(({ message }) => unusable(message))
  )

const composed = Effect.fnUntraced(function* (
  input: Input,
  from: AddressList.NamedMailbox,
  to: ReadonlyArray<AddressList.NamedMailbox>
) {
  const attachments = yield* Effect.forEach(input.attach, (path) =>
    Effect.map(File.read(path, "--attach", ExitStatus.data), (content): Attachment.Attachment => ({
      name: Attachment.baseName(path),
      content
    }))
  )
  return Message.make({
    from,
    to,
    subject: Option.getOrUndefined(input.subject),
    text: Option.getOrUndefined(input.text) ?? (Option.isNone(input.html) ? "" : undefined),
    html: Option.getOrUndefined(input.html),
    attachments
  })
})

const ready = Effect.fnUntraced(function* (
  input: Input,
  from: AddressList.NamedMailbox,
  to: ReadonlyArray<AddressList.NamedMailbox>,
  path: string
) {
  if ([input.subject, input.text, input.html].some(Option.isSome) || input.attach.length > 0) {
    return yield* new CliError({
      status: ExitStatus.usage,
      message: "--eml: a ready message is sent as it is; leave out --subject, --text, --html and --attach"
    })
  }
  const bytes = yield* path === "-"
    ? File.standardInput("--eml", ExitStatus.data)
    : File.read(path, "--eml", ExitStatus.data)
  if (bytes.length === 0) return yield* unusable("--eml: the message is empty; it begins with its header fields")
  if (hasBcc(bytes)) {
    yield* Console.error(
      "effect-mail: the message has a Bcc field, and is sent as it is: everybody will see that field"
    )
  }
  return Message.eml(bytes, { envelope: { from: from.address, to: to.map(({ address }) => address) } })
})

// A header ends at the first empty line.
const hasBcc = (bytes: Uint8Array): boolean => {
  const [header = ""] = new TextDecoder("latin1").decode(bytes).split(/\r\n\r\n|\n\n|\r\r/, 1)
  return /^(?:resent-)?bcc[ \t]*:/im.test(header)
}
