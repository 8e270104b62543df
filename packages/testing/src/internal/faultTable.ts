/**
 * What must come of every fault, written down from the classification table, row by row, and nowhere from the code.
 */
import type { Expected, Fault, Mode, Stage, Verdict } from "../FaultMatrix.ts"

const replies: ReadonlySet<Fault> = new Set(["4xx", "5xx", "421", "half reply", "extra reply", "huge line"])

const tlsModes: ReadonlySet<Mode> = new Set(["TLS", "opportunistic TLS"])

const tlsStages: ReadonlySet<Stage> = new Set(["STARTTLS", "TLS handshake", "TLS EHLO"])

/** Why a combination cannot be, or undefined when it can. */
export const impossible = (stage: Stage, fault: Fault, mode: Mode): string | undefined => {
  if (stage === "connect" && fault !== "reset" && fault !== "stall") {
    return "a server that was not reached says nothing; it refuses the connection (reset) or drops the request (stall)"
  }
  if (stage === "TLS handshake" && replies.has(fault) && fault !== "extra reply") {
    return "a handshake has no replies; clear text in its place is an extra one"
  }
  if (tlsStages.has(stage) && !tlsModes.has(mode)) return "there is no TLS without TLS"
  if (!tlsStages.has(stage) && mode === "opportunistic TLS") return "beyond TLS it is the same as TLS that is required"
  if ((stage === "DATA" || stage === "dot") && mode === "BDAT") return "a chunk has neither DATA nor a dot"
  if (stage === "BDAT chunk" && mode !== "BDAT") return "a chunk is sent with BDAT"
  if (stage === "body" && mode === "BDAT" && replies.has(fault)) return "a reply to a chunk is that of its end"
  if (stage === "LMTP recipient" && mode === "BDAT") return "over LMTP only binary messages go with BDAT"
  return undefined
}

interface Row {
  readonly verdict: Verdict
  readonly rows: ReadonlyArray<number>
}

const row =
  (_tag: "TempFailure" | "PermFailure" | "Unreachable", scope: string, next: string, ...rows: ReadonlyArray<number>) =>
  (enhanced: string): Row => ({ verdict: { _tag, scope, next, enhanced, uncertain: false }, rows })

const delivered = (...rows: ReadonlyArray<number>): Row => ({ verdict: "Delivered", rows })

/** Rows 52 and 57: maybe delivered, so only later. */
const uncertain =
  (...rows: ReadonlyArray<number>) =>
  (enhanced: string): Row => ({
    verdict: { _tag: "TempFailure", scope: "message", next: "later", enhanced, uncertain: true },
    rows
  })

// What the server says of itself; 4.4.2 is a connection that was lost, 4.5.0 one that is out of step (row 58).
const said = { "4xx": "4.3.2", "5xx": "5.3.0", "421": "4.3.2" } as const

type Refusal = keyof typeof said

const isRefusal = (fault: Fault): fault is Refusal => Object.hasOwn(said, fault)

type Rule = (enhanced: string) => Row

interface Rules {
  readonly "4xx": Rule
  readonly "5xx": Rule
  readonly "421": Rule
  /** The connection ends without a reply: close, reset, stall, half a reply. */
  readonly lost: Rule
  /** What comes is no reply: a huge line. */
  readonly nonsense: Rule
}

const host = row("TempFailure", "host", "host", 20)

// By stage what a reply, its absence and nonsense in its place mean.
const rules: {
  readonly [S in Exclude<Stage, "connect" | "LMTP recipient" | "next transaction" | "TLS handshake">]: Rules
} = {
  greeting: {
    "4xx": row("TempFailure", "host", "host", 17),
    "5xx": row("TempFailure", "host", "host", 18),
    "421": row("TempFailure", "host", "host", 17),
    lost: row("Unreachable", "host", "address", 16),
    nonsense: row("Unreachable", "host", "host", 19)
  },
  EHLO: {
    "4xx": row("TempFailure", "host", "host", 22),
    "5xx": () => delivered(21, 53),
    "421": host,
    lost: host,
    nonsense: row("TempFailure", "host", "host", 58)
  },
  STARTTLS: {
    "4xx": row("Unreachable", "host", "host", 25),
    "5xx": row("Unreachable", "host", "host", 25),
    "421": row("Unreachable", "host", "host", 25),
    lost: () => row("Unreachable", "host", "host", 25)("4.7.5"),
    nonsense: () => row("Unreachable", "host", "host", 25)("4.7.5")
  },
  "TLS EHLO": {
    "4xx": row("TempFailure", "host", "host", 22),
    "5xx": row("TempFailure", "host", "host", 22),
    "421": host,
    lost: host,
    nonsense: row("TempFailure", "host", "host", 58)
  },
  AUTH: {
    "4xx": () => row("TempFailure", "relay", "later", 31)("4.7.0"),
    "5xx": () => row("Unreachable", "relay", "later", 32)("5.7.8"),
    "421": row("TempFailure", "relay", "later", 31),
    lost: row("TempFailure", "host", "host", 48),
    nonsense: row("TempFailure", "host", "host", 58)
  },
  MAIL: {
    "4xx": row("TempFailure", "message", "host", 36),
    "5xx": row("PermFailure", "message", "never", 37),
    "421": row("TempFailure", "message", "host", 35),
    lost: row("TempFailure", "message", "host", 35, 48),
    nonsense: row("TempFailure", "message", "host", 58)
  },
  RCPT: {
    "4xx": row("TempFailure", "recipient", "later", 40),
    "5xx": row("PermFailure", "recipient", "never", 43),
    "421": row("TempFailure", "recipient", "host", 44),
    lost: row("TempFailure", "recipient", "host", 44),
    nonsense: row("TempFailure", "recipient", "host", 44, 58)
  },
  DATA: {
    "4xx": row("TempFailure", "message", "later", 45),
    "5xx": row("PermFailure", "message", "never", 45),
    "421": row("TempFailure", "message", "later", 45),
    lost: row("TempFailure", "message", "host", 48),
    nonsense: row("TempFailure", "message", "host", 58)
  },
  body: {
    "4xx": row("TempFailure", "message", "later", 49),
    "5xx": row("PermFailure", "message", "never", 49),
    "421": row("TempFailure", "message", "later", 49),
    lost: row("TempFailure", "message", "host", 48),
    nonsense: row("TempFailure", "message", "host", 48, 58)
  },
  dot: {
    "4xx": row("TempFailure", "message", "later", 50),
    "5xx": row("PermFailure", "message", "never", 51),
    "421": row("TempFailure", "message", "later", 50),
    lost: uncertain(52),
    nonsense: uncertain(52, 58)
  },
  "BDAT chunk": {
    "4xx": row("TempFailure", "message", "later", 50),
    "5xx": row("PermFailure", "message", "never", 51),
    "421": row("TempFailure", "message", "later", 50),
    lost: uncertain(52),
    nonsense: uncertain(52, 58)
  }
}

// One reply too many is found out at the stage behind it, before anything else is said (row 58); behind the last one it
// changes nothing (row 54). With BDAT all replies come at once, and each of them says yes.
const extra = (stage: keyof typeof rules, mode: Mode): Row => {
  if (stage === "STARTTLS") return row("Unreachable", "host", "host", 25)("4.7.5")
  if (stage === "EHLO" && tlsModes.has(mode)) return row("Unreachable", "host", "host", 25)("4.7.5")
  if (stage === "greeting") return row("TempFailure", "host", "host", 58)("4.5.0")
  if (stage === "dot" || stage === "BDAT chunk") return delivered(53, 54)
  if ((stage === "MAIL" || stage === "RCPT") && mode === "BDAT") return delivered(53, 54)
  // In lock-step the next command is RCPT, and what is lost there is lost for the recipients (row 44).
  if ((stage === "MAIL" || stage === "RCPT") && mode === "lock-step") {
    return row("TempFailure", "recipient", "host", 44, 58)("4.5.0")
  }
  if (stage === "body") return row("TempFailure", "message", "host", 49, 58)("4.5.0")
  return row("TempFailure", "message", "host", 58)("4.5.0")
}

// The verdict of whoever the fault is about.
const rowOf = (stage: keyof typeof rules, fault: Fault, mode: Mode): Row => {
  // Rows 23 and 24: without TLS where TLS was only welcome.
  if (mode === "opportunistic TLS") {
    const retried = stage === "TLS EHLO" ? fault !== "extra reply" : fault === "extra reply"
    if (retried) return delivered(24, 53)
    if (stage === "STARTTLS" && (fault === "4xx" || fault === "5xx")) return delivered(23, 53)
  }
  if (fault === "extra reply") return extra(stage, mode)
  if (stage === "EHLO" && fault === "5xx" && mode === "TLS") return row("Unreachable", "host", "host", 21, 25)("4.7.4")
  if (isRefusal(fault)) return rules[stage][fault](said[fault])
  // With BDAT the message is on the wire with its envelope, so that whatever is lost is lost behind its end.
  if (mode === "BDAT" && (stage === "MAIL" || stage === "RCPT")) {
    return fault === "huge line" ? uncertain(52, 58)("4.5.0") : uncertain(52)("4.4.2")
  }
  return fault === "huge line" ? rules[stage].nonsense("4.5.0") : rules[stage].lost("4.4.2")
}

// What the others get when the fault is about the second recipient.
const othersOf = (fault: Fault, mode: Mode, mine: Row): Row => {
  if (fault === "4xx" || fault === "5xx") return delivered(39, 53)
  return fault === "421" && mode === "BDAT" ? uncertain(52)("4.4.2") : mine
}

/** What a server that has fallen silent between two messages is for the second one: lost at MAIL (row 35, or 52). */
export const silence = (mode: Mode): Verdict => rowOf("MAIL", "stall", mode).verdict

const timeouts: { readonly [S in Stage]: NonNullable<Expected["waits"]> } = {
  connect: "connect",
  greeting: "greeting",
  EHLO: "ehlo",
  STARTTLS: "tls",
  "TLS handshake": "tls",
  "TLS EHLO": "ehlo",
  AUTH: "auth",
  MAIL: "envelope",
  RCPT: "envelope",
  DATA: "data",
  body: "block",
  dot: "verdict",
  "BDAT chunk": "verdict",
  "LMTP recipient": "verdict",
  "next transaction": "envelope"
}

// A refusal leaves the session as it is where it is about the mail; everything else ends it.
const keepsSession = (stage: Stage, fault: Fault, mode: Mode): boolean => {
  if (fault !== "4xx" && fault !== "5xx") return false
  if (["MAIL", "RCPT", "DATA", "dot", "BDAT chunk", "LMTP recipient"].includes(stage)) return true
  return (stage === "EHLO" && fault === "5xx" && mode !== "TLS") || (stage === "STARTTLS" && mode !== "TLS")
}

const all = (
  [one, two, three]: readonly [Row, Row, Row],
  stage: Stage,
  fault: Fault,
  mode: Mode
): Pick<Expected, "verdicts" | "rows" | "waits" | "reused"> => ({
  verdicts: [one.verdict, two.verdict, three.verdict],
  rows: [...new Set([one, two, three].flatMap(({ rows }) => rows))].toSorted((a, b) => a - b),
  waits: fault === "stall" ? timeouts[stage] : undefined,
  reused: keepsSession(stage, fault, mode)
})

// Rows 56 and 57: what was said counts, and who was not spoken of may have it or not.
const ofLmtp = (fault: Fault): readonly [Row, Row, Row] => {
  const first = delivered(53, 56)
  const unknown = uncertain(57)(fault === "huge line" ? "4.5.0" : "4.4.2")
  switch (fault) {
    case "4xx":
      return [first, row("TempFailure", "message", "later", 50, 56)("4.3.2"), first]
    case "5xx":
      return [first, row("PermFailure", "message", "never", 51, 56)("5.3.0"), first]
    case "421":
      return [first, row("TempFailure", "message", "later", 50, 56)("4.3.2"), unknown]
    case "extra reply":
      return [first, first, delivered(54)]
    default:
      return [first, unknown, unknown]
  }
}

const ofHandshake = (mode: Mode): Row =>
  mode === "TLS" ? row("Unreachable", "host", "host", 25)("4.7.5") : delivered(24, 53)

/** What must come of a fault. */
export const expected = (stage: Stage, fault: Fault, mode: Mode): Expected => {
  const same = (one: Row) => all([one, one, one], stage, fault, mode)
  switch (stage) {
    case "connect":
      return { ...same(row("Unreachable", "host", "address", 13)("4.4.1")), connections: 1 }
    case "TLS handshake":
      return { ...again(same(ofHandshake(mode)), mode === "opportunistic TLS") }
    case "LMTP recipient":
      return { ...all(ofLmtp(fault), stage, fault, mode), connections: 1 }
    case "next transaction":
      return { ...same(delivered(53, 55)), reused: fault === "stall", connections: 1 }
    case "RCPT": {
      const mine = rowOf(stage, fault, mode)
      const other = othersOf(fault, mode, mine)
      return { ...all([other, mine, other], stage, fault, mode), connections: 1 }
    }
    default: {
      const outcome = rowOf(stage, fault, mode)
      return again(same(outcome), outcome.rows.includes(24))
    }
  }
}

// The server is asked once more, without TLS, and that connection is sound.
const again = (result: Omit<Expected, "connections">, retried: boolean): Expected =>
  retried ? { ...result, reused: true, connections: 2 } : { ...result, connections: 1 }
