/**
 * What a server remembers of one connection, and how its handlers speak.
 *
 * @since 0.1.0
 */
import { type ClientCommand, verbOf } from "../CommandParser.ts"
import * as Reply from "../Reply.ts"
import type { Identity, Question, ServerDialogue, ServerOptions, Transaction } from "../ServerDialogue.ts"

export interface State {
  readonly options: ServerOptions
  secure: boolean
  /** How the client has introduced itself; after HELO there are no extensions. */
  hello: "EHLO" | "HELO" | "LHLO" | undefined
  identity: Identity | undefined
  transaction: Transaction | undefined
  /** What has come with BDAT; undefined once a chunk was refused, until RSET. */
  chunks: Array<Uint8Array> | undefined
  /** The octets in `chunks`. */
  octets: number
}

/** Whether the connection goes on. */
export type Next = "go on" | "end"

export type CommandOf<Tag extends ClientCommand["_tag"]> = Extract<ClientCommand, { _tag: Tag }>

/** Says a reply; a 421 is the last one. */
export function* say(reply: Reply.Reply): ServerDialogue<Next> {
  yield { _tag: "Say", reply }
  return reply.code === 421 ? "end" : "go on"
}

export const tell = (code: number, ...lines: ReadonlyArray<string>): ServerDialogue<Next> =>
  say(Reply.make(code, ...lines))

/** Asks the application for one reply. */
export function* consult(question: Question): ServerDialogue<Reply.Reply> {
  const answer = yield { _tag: "Consult", question }
  return answer.replies?.[0] ?? noAnswer
}

export const noAnswer = Reply.make(451, "4.3.0 No answer")

/** Forgets the transaction. */
export const forget = (state: State): void => {
  state.transaction = undefined
  state.chunks = []
  state.octets = 0
}

/** Whether an EHLO line of this server begins with the keyword. */
export const announces = ({ keywords }: ServerOptions, keyword: string): boolean =>
  keywords.some((line) => verbOf(line) === keyword)
