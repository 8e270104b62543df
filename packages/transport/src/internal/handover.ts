/**
 * What a way out that is no server can be asked for: the same rules as for a server that offers these extensions and no
 * others, so that nothing the message hangs on is left out in silence.
 */
import { narrow, type Parcel, withRecipients } from "@effect-mail/message/Parcel"
import * as Failure from "@effect-mail/protocol/Failure"
import * as Parameters from "@effect-mail/protocol/Parameters"
import type { Outcome } from "@effect-mail/protocol/Receipt"
import * as Arr from "effect/Array"
import * as Result from "effect/Result"
import * as Outcomes from "./outcomes.ts"

/** The message as it is handed over for recipients who want the same notifications, with the values of the parameters that say so. */
export interface Group {
  readonly parcel: Parcel
  readonly ret: string | undefined
  /** As xtext. */
  readonly envelopeId: string | undefined
  readonly notify: string | undefined
}

/** What can be handed over, and the outcomes of those recipients who cannot. */
export interface Handover {
  readonly groups: ReadonlyArray<Group>
  readonly refused: ReadonlyArray<Outcome>
  /** What was asked for and cannot be passed on: keywords of parameters. */
  readonly omitted: ReadonlyArray<string>
}

const content = ["SMTPUTF8", "8BITMIME"]

const valueOf = (parameters: Parameters.Arguments<unknown>["parameters"], keyword: string): string | undefined =>
  parameters.find((parameter) => parameter.keyword === keyword)?.value

/**
 * Splits a parcel into what can be handed over; `dsn` says whether notifications can be asked for. Nobody says what the servers take
 * to which it is passed on, so that nothing is 8-bit unless it was given so.
 */
export const plan = (given: Parcel, dsn: boolean, onMissing: Parameters.OnMissing): Handover => {
  const parcel = narrow(given, "7bit")
  const { body, envelope } = parcel
  const offered: Parameters.Offered = {
    supports: (keyword) => content.includes(keyword) || (dsn && keyword === "DSN"),
    parameters: () => []
  }
  const facts = { size: body.size, encoding: body.encoding, utf8: body.utf8Headers }
  const mail = Parameters.mail(envelope, facts, offered, onMissing)
  if (Result.isFailure(mail)) {
    return { groups: [], refused: Outcomes.allFailed(parcel, Failure.fromProblem(mail.failure)), omitted: [] }
  }
  const refused: Array<Outcome> = []
  const omitted = new Set(mail.success.omitted)
  const groups = new Map<string | undefined, Array<(typeof envelope.recipients)[number]>>()
  for (const recipient of envelope.recipients) {
    const rcpt = Parameters.rcpt(recipient, true, offered, onMissing)
    if (Result.isFailure(rcpt)) refused.push(Outcomes.failed(recipient.address, Failure.fromProblem(rcpt.failure)))
    else {
      for (const keyword of rcpt.success.omitted) omitted.add(keyword)
      const notify = valueOf(rcpt.success.parameters, "NOTIFY")
      groups.set(notify, [...(groups.get(notify) ?? []), recipient])
    }
  }
  const ret = valueOf(mail.success.parameters, "RET")
  const envelopeId = valueOf(mail.success.parameters, "ENVID")
  return {
    refused,
    omitted: [...omitted],
    groups: [...groups].flatMap(([notify, recipients]) =>
      Arr.isReadonlyArrayNonEmpty(recipients)
        ? [{ parcel: withRecipients(parcel, recipients), ret, envelopeId, notify }]
        : []
    )
  }
}
