/**
 * Options are checked when a layer is built, so that a mistake shows at start-up and not at the first mail.
 */
import * as Duration from "effect/Duration"
import * as Host from "effect/net/Host"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { quote, relative } from "./domain.ts"

/**
 * An option has a value that cannot be used.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidOption extends Schema.TaggedError<InvalidOption>("@effect-mail/dns/InvalidOption")(
  "InvalidOption",
  {
    /** The option's name, with its position in a list. */
    option: Schema.String,
    /** What is wrong with its value. */
    reason: Schema.String,
    /** How to mend it. */
    hint: Schema.String
  }
) {
  override get message(): string {
    return `option ${this.option}: ${this.reason}. ${this.hint}`
  }
}

type Checked<A> = Result.Result<A, InvalidOption>

export const invalid = (option: string, reason: string, hint: string): Checked<never> =>
  Result.fail(new InvalidOption({ option, reason, hint }))

export const integer = (option: string, value: number, max: number): Checked<number> =>
  Number.isInteger(value) && value >= 1 && value <= max
    ? Result.succeed(value)
    : invalid(option, `${value} is out of range`, `Use a whole number from 1 to ${max}`)

export const port = (option: string, value: number): Checked<number> => integer(option, value, 65535)

export const oneOf = <A extends string>(option: string, value: A, known: ReadonlyArray<A>): Checked<A> =>
  known.includes(value)
    ? Result.succeed(value)
    : invalid(option, `${quote(value)} is unknown`, `Use one of ${known.join(", ")}`)

export const duration = (option: string, value: Duration.Input): Checked<Duration.Duration> =>
  Option.match(Option.filter(Duration.fromInput(value), Duration.isPositive), {
    onNone: () => invalid(option, "it is no positive duration", 'Use for example "30 seconds"'),
    onSome: Result.succeed
  })

/** A host name in A-labels and lower case, without a trailing dot (DNS-019). */
export const name = (option: string, value: string): Checked<string> =>
  Result.match(Host.domainNameFromString(value), {
    onFailure: ({ message }) => invalid(option, `${quote(value)} is not a host name: ${message}`, hostHint),
    onSuccess: (name) =>
      name === "." ? invalid(option, "the root is not a host", hostHint) : Result.succeed(relative(name))
  })

const hostHint = "Use a name such as mail.example.com"

/** An IP address. */
export const address = (option: string, value: string): Checked<NetAddress.IpAddress> =>
  Result.match(NetAddress.ipFromString(value), {
    onFailure: ({ message }) =>
      invalid(option, `${quote(value)} is not an IP address: ${message}`, "Use for example 192.0.2.1 or 2001:db8::1"),
    onSuccess: (address) => Result.succeed(NetAddress.toCanonical(address))
  })

/** Every value checked; the option's name gets the position of the first that is wrong. */
export const each = <A, B>(
  option: string,
  values: ReadonlyArray<A>,
  check: (option: string, value: A) => Checked<B>
): Checked<Array<B>> => Result.all(values.map((value, index) => check(`${option}[${index}]`, value)))
