/**
 * How long a server asks us to wait, read from the words of its reply ("Greylisted, please try again in 300 seconds";
 * CLASS-40). Nothing standardises these words, so only a time that directly follows a word such as "again", "retry" or
 * "greylisted" counts, and a hint is only ever advice: it is clamped, and a policy lets it stretch a wait, never shorten
 * one. Reading is one pass over at most `maxLength` characters.
 *
 * @since 0.1.0
 */
import type { Failure } from "@effect-mail/protocol/Failure"
import * as Duration from "effect/Duration"

/**
 * The most characters of a reply that are read.
 *
 * @category limits
 * @since 0.1.0
 */
export const maxLength = 4096

/**
 * The shortest and the longest wait that is believed: 1 minute and 6 hours (CLASS-40).
 *
 * @category limits
 * @since 0.1.0
 */
export const limits: { readonly minimum: Duration.Duration; readonly maximum: Duration.Duration } = {
  minimum: Duration.minutes(1),
  maximum: Duration.hours(6)
}

/**
 * The wait that a failure's words ask for, between 1 minute and 6 hours; what breakers and limits of our own say (stage
 * "policy") is exact and may be shorter. `undefined` when they ask for none or when the failure is permanent.
 *
 * @category getters
 * @since 0.1.0
 */
export const fromFailure = (failure: Failure): Duration.Duration | undefined => {
  if (failure._tag === "PermFailure") return undefined
  const wait = fromText(failure.lines.length === 0 ? failure.reason : failure.lines.join(" "))
  if (wait === undefined) return undefined
  return failure.stage === "policy" ? Duration.min(wait, limits.maximum) : Duration.clamp(wait, limits)
}

/**
 * The first wait that a text asks for, as it is said: `in 300 seconds`, `after 5 min`, `for 1 hour and 30 minutes`,
 * `in 4m59s`, `in 00:05:00`, `in an hour`. Of a range (`5-10 minutes`) it is the longer end. `undefined` when the text
 * asks for none.
 *
 * @category decoding
 * @since 0.1.0
 */
export const fromText = (text: string): Duration.Duration | undefined => {
  let state = idle
  for (const [token] of text.slice(0, maxLength).toLowerCase().matchAll(tokens)) {
    const next = step(state, token)
    if (next.seconds === undefined && state.seconds !== undefined) break
    state = next
  }
  return state.seconds === undefined ? undefined : Duration.seconds(state.seconds)
}

const tokens = /[a-z]+|[0-9][0-9:.]*|[^\sa-z0-9,]/g

// `listening` after a word that announces a wait; `amount` is a number that waits for its unit; `seconds` the sum of the
// parts that were understood. A state with `seconds` that meets a token it cannot use holds the answer.
interface State {
  readonly listening: boolean
  readonly previous: string
  readonly amount: number | undefined
  readonly seconds: number | undefined
}

const idle: State = { listening: false, previous: "", amount: undefined, seconds: undefined }

const step = (state: State, token: string): State => {
  if (triggers.has(token)) return { ...idle, listening: true, previous: token }
  if (!state.listening) return idle
  const unit = units.get(token)
  if (unit !== undefined && state.amount !== undefined) {
    return { ...idle, listening: true, seconds: (state.seconds ?? 0) + state.amount * unit }
  }
  const amount = numberOf(token)
  if (amount !== undefined) return { ...state, previous: token, amount }
  const clock = state.seconds === undefined && state.previous !== "at" ? clockOf(token) : undefined
  if (clock !== undefined) return { ...idle, seconds: clock }
  return fillers.has(token) && state.seconds === undefined ? { ...state, previous: token } : joined(state, token)
}

// Between the parts of one wait there is nothing but a comma or "and".
const joined = (state: State, token: string): State => (token === "and" ? { ...state, previous: token } : idle)

const words = (text: string): ReadonlyArray<string> => text.split(" ")

const triggers = new Set(
  words(
    "again retry retrying resend back wait greylist greylisted greylisting graylist graylisted graylisting deferred delayed"
  )
)

const fillers = new Set(
  words(`in after for at least about approximately around another the next later to of off please : = ( [ < ~ - ' "`)
)

const articles = new Set(words("a an one"))

const named = (names: string, seconds: number): ReadonlyArray<readonly [string, number]> =>
  words(names).map((name) => [name, seconds])

const units: ReadonlyMap<string, number> = new Map([
  ...named("s sec secs second seconds", 1),
  ...named("m min mins minute minutes", 60),
  ...named("h hr hrs hour hours", 3600),
  ...named("d day days", 86_400)
])

const numberOf = (token: string): number | undefined => {
  if (articles.has(token)) return 1
  const digits = token.endsWith(".") ? token.slice(0, -1) : token
  return /^[0-9]{1,9}(\.[0-9]{1,3})?$/.test(digits) ? Number(digits) : undefined
}

// hh:mm:ss; with fewer parts, or after "at", it could be a time of day.
const clockOf = (token: string): number | undefined => {
  const match = /^([0-9]{1,2}):([0-5][0-9]):([0-5][0-9])\.?$/.exec(token)
  return match === null ? undefined : Number(match[1]) * 3600 + Number(match[2]) * 60 + Number(match[3])
}
