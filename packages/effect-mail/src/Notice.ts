/**
 * What a mailer has to say to people about mail that does not get through, with the mail itself: that it is late, that it was
 * given up and what the policy wants done about it, or that a person must decide. Nothing happens by itself: a `Notifier`
 * does what an application wants, such as writing bounces (`Mailer.layerBounces`).
 *
 * @since 0.1.0
 */
import * as Bounce from "@effect-mail/message/Bounce"
import type * as Parcel from "@effect-mail/message/Parcel"
import type { AtEnd } from "@effect-mail/policy/Decision"
import type * as Receipt from "@effect-mail/protocol/Receipt"
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

interface Concerning {
  /** The mail, for the recipients that are concerned. */
  readonly parcel: Parcel.Parcel
  /** What they have failed with, one for each recipient, in any order. */
  readonly failed: Arr.NonEmptyReadonlyArray<Receipt.Failed>
  /** When their first attempt failed, in milliseconds since the epoch. */
  readonly since: number
}

/**
 * The mail is late, as `warnAfter` of the policy says, and is still tried.
 *
 * @category models
 * @since 0.1.0
 */
export interface Late extends Concerning {
  readonly _tag: "Late"
}

/**
 * The mail was given up; `atEnd` is what the policy wants done.
 *
 * @category models
 * @since 0.1.0
 */
export interface GivenUp extends Concerning {
  readonly _tag: "GivenUp"
  readonly atEnd: AtEnd
}

/**
 * The mail may have been delivered, and the policy leaves it to a person (CLASS-52).
 *
 * @category models
 * @since 0.1.0
 */
export interface Held extends Concerning {
  readonly _tag: "Held"
}

/**
 * What a mailer has to say to people.
 *
 * @category models
 * @since 0.1.0
 */
export type Notice = Late | GivenUp | Held

/**
 * Who is told; nobody by default. It is called in the fiber of the delivery, which goes on when it is done, so it should be
 * quick.
 *
 * @category services
 * @since 0.1.0
 */
export const Notifier = Context.Reference<(notice: Notice) => Effect.Effect<void>>("effect-mail/Notifier", {
  defaultValue: () => () => Effect.void
})

/**
 * The message that tells the sender of a notice (RFC 3464): a bounce when the policy wants one, a warning when the mail is
 * late, and undefined for anything else, for recipients that want to hear of neither (NOTIFY, RFC 3461), for mail with the
 * null reverse-path, as there is no bounce for a bounce (RFC 5321 section 6.1), and, when it is only late, for mail of a list or
 * of a program, as its header says (RFC 3834; Exim does the same). `reportingMta` is the name of this host.
 * Fails with the `MessageError` of `Bounce.compose`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const bounce = Effect.fnUntraced(function* (notice: Notice, reportingMta: string) {
  const action = actionOf(notice)
  if (action === undefined || notice.parcel.envelope.reversePath === "") return undefined
  const failures = new Map(notice.failed.map(({ failure, recipient }) => [recipient, failure]))
  const recipients = notice.parcel.envelope.recipients.flatMap((recipient) => {
    const failure = failures.get(recipient.address)
    const wanted =
      recipient.notify === undefined || (recipient.notify !== "NEVER" && recipient.notify.includes(wants[action]))
    return failure === undefined || !wanted ? [] : [Bounce.recipient(recipient, failure, { action })]
  })
  if (!Arr.isReadonlyArrayNonEmpty(recipients)) return undefined
  return yield* Bounce.compose({ reportingMta, original: notice.parcel, recipients })
})

const actionOf = (notice: Notice): "failed" | "delayed" | undefined => {
  if (notice._tag === "Late") return isAutomatic(notice.parcel) ? undefined : "delayed"
  return notice._tag === "GivenUp" && notice.atEnd === "bounce" ? "failed" : undefined
}

// Of a message that is streamed, the header is not known.
const isAutomatic = ({ body }: Parcel.Parcel): boolean => {
  const [header = ""] = new TextDecoder("latin1").decode(body.bytes?.subarray(0, headerLimit)).split("\r\n\r\n", 1)
  return automatic.test(header)
}

const headerLimit = 64 * 1024

const automatic = /^(?:auto-submitted:(?!\s*no\b)|list-id:|precedence:\s*(?:bulk|list|junk)\b)/im

const wants = { failed: "FAILURE", delayed: "DELAY" } as const
