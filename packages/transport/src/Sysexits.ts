/**
 * The exit codes of `sysexits.h`, with which the `sendmail` program and its likes say what became of a message (SEND-001),
 * and the one place where such a code becomes a failure.
 *
 * @since 0.1.0
 */
import * as Failure from "@effect-mail/protocol/Failure"

/**
 * What an exit code says.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sysexit {
  /** Such as `EX_TEMPFAIL`. */
  readonly name: string
  /** The enhanced status code that describes it (RFC 3463); its first digit tells temporary from permanent. */
  readonly enhanced: string
  /** What it is about; `host` is the program or its configuration, so that another way out may still do. */
  readonly scope: "recipient" | "message" | "host"
}

const table: Readonly<Record<number, Sysexit>> = {
  64: { name: "EX_USAGE", enhanced: "5.3.0", scope: "host" },
  65: { name: "EX_DATAERR", enhanced: "5.6.0", scope: "message" },
  66: { name: "EX_NOINPUT", enhanced: "5.3.0", scope: "message" },
  67: { name: "EX_NOUSER", enhanced: "5.1.1", scope: "recipient" },
  68: { name: "EX_NOHOST", enhanced: "5.1.2", scope: "recipient" },
  69: { name: "EX_UNAVAILABLE", enhanced: "5.3.0", scope: "message" },
  70: { name: "EX_SOFTWARE", enhanced: "5.3.0", scope: "message" },
  71: { name: "EX_OSERR", enhanced: "4.3.0", scope: "host" },
  72: { name: "EX_OSFILE", enhanced: "5.3.0", scope: "message" },
  73: { name: "EX_CANTCREAT", enhanced: "5.2.0", scope: "message" },
  74: { name: "EX_IOERR", enhanced: "4.3.0", scope: "host" },
  75: { name: "EX_TEMPFAIL", enhanced: "4.3.0", scope: "message" },
  76: { name: "EX_PROTOCOL", enhanced: "5.5.0", scope: "message" },
  77: { name: "EX_NOPERM", enhanced: "5.7.0", scope: "message" },
  78: { name: "EX_CONFIG", enhanced: "5.3.5", scope: "host" },
  126: { name: "not executable", enhanced: "5.3.5", scope: "host" },
  127: { name: "not found", enhanced: "5.3.5", scope: "host" }
}

/**
 * What an exit code other than 0 says. Codes above 128 are those of a shell whose program was killed by a signal (SYS-128);
 * any other unknown code is permanent (SYS-255).
 *
 * @category getters
 * @since 0.1.0
 */
export const of = (code: number): Sysexit =>
  table[code] ??
  (code > 128 && code < 193
    ? { name: `killed by signal ${code - 128}`, enhanced: "4.3.0", scope: "host" }
    : { name: "unknown exit code", enhanced: "5.3.0", scope: "message" })

/**
 * The failure that an exit code other than 0 means: `TempFailure` or `PermFailure`. `said` is what the program printed.
 * `uncertain` is for a program that was killed with the whole message in its hands; a code that it chose itself is its word.
 *
 * @category constructors
 * @since 0.1.0
 */
export const failure = (
  code: number,
  details: { readonly program: string; readonly said?: string | undefined; readonly uncertain?: boolean | undefined }
): Failure.TempFailure | Failure.PermFailure => {
  const { enhanced, name, scope } = of(code)
  const said = details.said?.trim() ?? ""
  const base = {
    stage: scope === "recipient" ? ("rcpt" as const) : ("data-end" as const),
    scope,
    enhanced,
    reason: `${details.program} exited with ${code} (${name})${said === "" ? "" : `: ${said.split("\n", 1).join("")}`}`,
    ...(said === "" ? {} : { transcript: said.split("\n").map(Failure.printable).join("\n") })
  }
  if (enhanced.startsWith("4")) {
    return Failure.temp({ ...base, next: "later", uncertain: code > 128 && details.uncertain === true })
  }
  return Failure.perm({ ...base, next: scope === "host" ? "host" : "never" })
}
