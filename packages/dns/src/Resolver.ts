/**
 * Questions to a recursive resolver of one's choice, with all that the DNS says: the records with their times to live,
 * whether the name exists, whether DNSSEC has proved it. An answer is something definite, records or the proof that there
 * are none; everything else is a `ResolverError`. Nothing is remembered here.
 *
 * The platform gives an `Exchange`, which moves bytes; what is asked, how often, whom next, over UDP or TCP, and what a
 * reply is worth is decided here.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as DnsMessage from "./DnsMessage.ts"
import * as Reading from "./internal/answer.ts"
import * as Gate from "./internal/gate.ts"
import * as Check from "./internal/options.ts"
import * as TimeLimit from "./internal/timeLimit.ts"

/**
 * A definite answer: all records of the type, or the proof that there are none.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answer<T extends DnsMessage.RecordType = DnsMessage.RecordType> {
  /** The name does not exist (`NXDOMAIN`), or it exists, with records or without (`NOERROR`). */
  readonly rcode: "NOERROR" | "NXDOMAIN"
  readonly records: ReadonlyArray<DnsMessage.DnsRecord<T>>
  /** The name at the end of the aliases (CNAME), when the name is one. */
  readonly alias: string | undefined
  /** Whether DNSSEC has proved all of it, in the words of a resolver that is trusted (`trustAd`). */
  readonly authenticated: boolean
  /**
   * How long the answer holds, in seconds: the least TTL of its records and aliases; for an answer without records what
   * the zone's SOA record says (RFC 2308 section 5), 0 when it says nothing.
   */
  readonly ttl: number
}

/**
 * Why there is no answer.
 *
 * - `Timeout`: no resolver answered in time; `Network`: none could be reached.
 * - `ServerFailure`: the name servers of the domain fail (SERVFAIL); `Bogus`: its DNSSEC signatures are wrong.
 * - `Refused`: the resolver refuses to answer us; `Unsupported`: it answers with another error.
 * - `Malformed`: its reply makes no sense.
 * - `BadName`: the name cannot be asked for.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ErrorReason = Schema.Literals([
  "Timeout",
  "Network",
  "ServerFailure",
  "Bogus",
  "Refused",
  "Unsupported",
  "Malformed",
  "BadName"
])

/**
 * Why there is no answer.
 *
 * @category models
 * @since 0.1.0
 */
export type ErrorReason = typeof ErrorReason.Type

/**
 * There is no answer, and nothing is known about the name.
 *
 * @category errors
 * @since 0.1.0
 */
export class ResolverError extends Schema.TaggedError<ResolverError>("@effect-mail/dns/ResolverError")(
  "ResolverError",
  {
    reason: ErrorReason,
    /** The question, as in `MX example.com`. */
    question: Schema.String,
    /** What happened, for people. */
    detail: Schema.String
  }
) {
  override get message(): string {
    return `${this.question}: ${this.detail}`
  }
}

/**
 * Asks the DNS.
 *
 * @category services
 * @since 0.1.0
 */
export class Resolver extends Context.Service<
  Resolver,
  {
    /**
     * The records of a name, which is in A-labels and absolute with or without a trailing dot: no search list is used
     * (DNS-001). Aliases are followed. Fails with `ResolverError` when there is no definite answer.
     */
    readonly query: <T extends DnsMessage.RecordType>(name: string, type: T) => Effect.Effect<Answer<T>, ResolverError>
  }
>()("@effect-mail/dns/Resolver") {}

/**
 * Where a resolver listens.
 *
 * @category models
 * @since 0.1.0
 */
export interface Server {
  /** An IP address as text. */
  readonly address: string
  readonly port: number
}

/**
 * No reply could be got, for want of a network or of a resolver that listens.
 *
 * @category errors
 * @since 0.1.0
 */
export class ExchangeError extends Data.TaggedError("ExchangeError")<{
  /** What happened, such as `connection refused`. */
  readonly detail: string
}> {}

/**
 * Moves a question to a server and brings its reply; what a platform has to give. Both give the reply that
 * `DnsMessage.isReplyTo` accepts and wait as long as there is none: the time limit is set here. The question's id is 0;
 * an exchange gives it one that cannot be guessed, from a port that cannot be guessed, and takes replies to UDP only
 * from the server itself (RFC 5452).
 *
 * @category models
 * @since 0.1.0
 */
export interface Exchange {
  readonly udp: (server: Server, query: Uint8Array) => Effect.Effect<Uint8Array, ExchangeError>
  readonly tcp: (server: Server, query: Uint8Array) => Effect.Effect<Uint8Array, ExchangeError>
}

/**
 * Options of a resolver.
 *
 * @category models
 * @since 0.1.0
 */
export interface ResolverOptions {
  /** The recursive resolvers, in the order to ask: IP addresses or `localhost`, with port 53 unless one is written. */
  readonly servers: ReadonlyArray<string>
  /** How long one server may take for one reply; 5 seconds by default. */
  readonly timeout?: Duration.Input | undefined
  /** How often a server that is silent is asked, 1 to 10; 2 by default. */
  readonly tries?: number | undefined
  /** How many questions are on their way at once, 1 to 65535; 256 by default. */
  readonly concurrency?: number | undefined
  /**
   * Whose word is taken for it that DNSSEC has proved an answer (AD bit): that of resolvers on this machine
   * (`loopback`), since on the way from others anybody could set the bit; by default. `always` is for a way that is
   * secured otherwise.
   */
  readonly trustAd?: "loopback" | "always" | "never" | undefined
}

export {
  /**
   * An option has a value that cannot be used.
   *
   * @category errors
   * @since 0.1.0
   */
  InvalidOption
} from "./internal/options.ts"

interface Target extends Server {
  readonly trusted: boolean
}

interface Settings {
  readonly targets: Arr.NonEmptyReadonlyArray<Target>
  readonly timeout: Duration.Duration
  readonly tries: number
  readonly concurrency: number
}

const settingsOf = (options: ResolverOptions): Result.Result<Settings, Check.InvalidOption> =>
  Result.gen(function* () {
    const servers = yield* Check.each("servers", options.servers, parseServer)
    if (!Arr.isReadonlyArrayNonEmpty(servers))
      return yield* Check.invalid("servers", "there is none", "Name at least one resolver")
    const trust = yield* Check.oneOf("trustAd", options.trustAd ?? "loopback", ["loopback", "always", "never"])
    return {
      targets: Arr.map(servers, (server) => ({
        ...server,
        trusted: trust === "always" || (trust === "loopback" && isLocal(server))
      })),
      timeout: yield* Check.duration("timeout", options.timeout ?? "5 seconds"),
      tries: yield* Check.integer("tries", options.tries ?? 2, 10),
      concurrency: yield* Check.integer("concurrency", options.concurrency ?? 256, 65535)
    }
  })

const isLocal = ({ address }: Server): boolean => NetAddress.isLoopback(NetAddress.ipFromStringUnsafe(address))

const parseServer = (option: string, text: string): Result.Result<Server, Check.InvalidOption> => {
  const numeric = text.replace(/^localhost(?=:|$)/i, "127.0.0.1")
  const bare = NetAddress.ipFromString(numeric)
  if (Result.isSuccess(bare)) return Result.succeed({ address: NetAddress.formatIp(bare.success), port: 53 })
  return Result.match(NetAddress.inetAddressFromString(numeric), {
    onFailure: ({ message }) =>
      Check.invalid(
        option,
        `it is no address of a resolver: ${message}`,
        "Write 192.0.2.53, 127.0.0.1:5353 or [::1]:5353"
      ),
    onSuccess: ({ address, port }) =>
      Result.map(Check.port(option, port), () => ({ address: NetAddress.formatIp(address), port }))
  })
}

interface Question {
  readonly name: string
  readonly type: DnsMessage.RecordType
  readonly bytes: Uint8Array
}

const failure = ({ name, type }: Pick<Question, "name" | "type">, reason: ErrorReason, detail: string): ResolverError =>
  new ResolverError({ reason, question: `${type} ${name}`, detail })

/**
 * A resolver over an exchange. A truncated reply makes it ask again over TCP; a server that fails, refuses or makes no
 * sense is not asked again, and the next one is; a silent one is asked again after all others. Fails with
 * `InvalidOption` when an option is out of range.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  exchange: Exchange,
  options: ResolverOptions
): Result.Result<Resolver["Service"], Check.InvalidOption> =>
  Result.map(settingsOf(options), (settings) => {
    const limited = Gate.make(settings.concurrency)

    const limit = TimeLimit.make(settings.timeout)

    const within = (
      question: Question,
      target: Target,
      reply: Effect.Effect<Uint8Array, ExchangeError>
    ): Effect.Effect<DnsMessage.Message, ResolverError> =>
      Effect.matchEffect(
        limit(reply, () => "Timeout" as const),
        {
          onFailure: (error) =>
            error === "Timeout"
              ? Effect.fail(failure(question, "Timeout", `${show(target)} did not answer in time`))
              : Effect.fail(failure(question, "Network", `${show(target)} could not be asked: ${error.detail}`)),
          onSuccess: (bytes) => {
            const message = DnsMessage.decode(bytes)
            return Result.isSuccess(message)
              ? Effect.succeed(message.success)
              : Effect.fail(failure(question, "Malformed", message.failure.message))
          }
        }
      )

    const once = (target: Target, question: Question): Effect.Effect<Answer, ResolverError> =>
      Effect.flatMap(within(question, target, exchange.udp(target, question.bytes)), (message) =>
        message.truncated
          ? Effect.flatMap(within(question, target, exchange.tcp(target, question.bytes)), (whole) =>
              read(question, target, whole)
            )
          : read(question, target, message)
      )

    // Most questions are answered by the first server at once.
    const [first, ...others] = settings.targets
    const ask = (question: Question): Effect.Effect<Answer, ResolverError> =>
      Effect.catch(once(first, question), (failed) => askOthers(question, failed))

    const askOthers = Effect.fnUntraced(function* (question: Question, first: ResolverError) {
      let failed = first
      let left: ReadonlyArray<Target> = others
      const silent = failed.reason === "Timeout" ? [settings.targets[0]] : []
      for (let round = 0; round < settings.tries; round++) {
        for (const target of left) {
          const result = yield* Effect.result(once(target, question))
          if (Result.isSuccess(result)) return result.success
          if (result.failure.reason === "Timeout") silent.push(target)
          if (failed.reason === "Timeout") failed = result.failure
        }
        left = silent.splice(0)
      }
      return yield* failed
    })

    const query = (name: string, type: DnsMessage.RecordType) =>
      Result.match(DnsMessage.encodeQuery(name, type), {
        onFailure: ({ message }) => Effect.fail(failure({ name: name.slice(0, 255), type }, "BadName", message)),
        onSuccess: (bytes) => limited(ask({ name: Reading.canonical(name), type, bytes }))
      })

    // The records of an answer are those of the type that was asked for; see `Reading.read`.
    return Resolver.of({ query: query as Resolver["Service"]["query"] })
  })

/**
 * What a resolver of `layerTest` answers to one question: why it has no answer, or what differs from an empty answer that
 * holds for a minute. `ttl` and `name` of a record are those of the answer and of its name by default.
 *
 * @category testing
 * @since 0.1.0
 */
export type TestAnswer<T extends DnsMessage.RecordType = DnsMessage.RecordType> =
  | ErrorReason
  | {
      readonly rcode?: Answer["rcode"] | undefined
      readonly records?: ReadonlyArray<DnsMessage.RecordData[T]> | undefined
      readonly alias?: string | undefined
      readonly authenticated?: boolean | undefined
      readonly ttl?: number | undefined
    }

/**
 * By question, as in `MX example.com`, what a resolver of `layerTest` answers.
 *
 * @category testing
 * @since 0.1.0
 */
export type TestAnswers = {
  readonly [T in DnsMessage.RecordType as `${T} ${string}`]?: TestAnswer<T>
}

/**
 * The test's side of `layerTest`.
 *
 * @category testing
 * @since 0.1.0
 */
export class TestResolver extends Context.Service<
  TestResolver,
  {
    /** The questions that were asked, as in `MX example.com`, oldest first. */
    readonly asked: Effect.Effect<ReadonlyArray<string>>
    /** Sets the answers to some questions from now on. */
    readonly answer: (answers: TestAnswers) => Effect.Effect<void>
  }
>()("@effect-mail/dns/TestResolver") {}

const testKey = (question: string): string => {
  const [type = "", name = ""] = question.split(" ")
  return `${type} ${Reading.canonical(name)}`
}

const testAnswer = (name: string, type: DnsMessage.RecordType, given: Exclude<TestAnswer, string>): Answer => {
  const ttl = given.ttl ?? 60
  // The table has records of the type under each question.
  const records = (given.records ?? []).map((data) => ({ name, ttl, ...data, type }) as DnsMessage.DnsRecord)
  return {
    rcode: given.rcode ?? "NOERROR",
    records,
    alias: given.alias,
    authenticated: given.authenticated ?? false,
    ttl
  }
}

/**
 * A resolver for tests: answers from a table and records what it was asked, which `TestResolver` tells. A name of which
 * the table has nothing does not exist; one of which it has records of other types has none of this one.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerTest = (answers: TestAnswers = {}): Layer.Layer<Resolver | TestResolver> =>
  Layer.effectContext(
    Effect.sync(() => {
      const table = new Map<string, TestAnswer>()
      const names = new Set<string>()
      const asked: Array<string> = []
      const learn = (answers: TestAnswers): void => {
        for (const [question, answer] of Object.entries<TestAnswer | undefined>(answers)) {
          const key = testKey(question)
          names.add(key.slice(key.indexOf(" ") + 1))
          if (answer !== undefined) table.set(key, answer)
        }
      }
      learn(answers)
      const query = (name: string, type: DnsMessage.RecordType): Effect.Effect<Answer, ResolverError> =>
        Effect.suspend(() => {
          const at = Reading.canonical(name)
          asked.push(`${type} ${at}`)
          const encoded = DnsMessage.encodeQuery(name, type)
          if (Result.isFailure(encoded)) {
            return Effect.fail(failure({ name: name.slice(0, 255), type }, "BadName", encoded.failure.message))
          }
          const given = table.get(`${type} ${at}`) ?? { rcode: names.has(at) ? "NOERROR" : "NXDOMAIN" }
          return typeof given === "string"
            ? Effect.fail(failure({ name: at, type }, given, "the test says so"))
            : Effect.succeed(testAnswer(at, type, given))
        })
      return Context.make(
        Resolver,
        // The records of an answer are those of the type that was asked for.
        Resolver.of({ query: query as Resolver["Service"]["query"] })
      ).pipe(
        Context.add(TestResolver, {
          asked: Effect.sync(() => [...asked]),
          answer: (more) => Effect.sync(() => learn(more))
        })
      )
    })
  )

const read = (question: Question, target: Target, message: DnsMessage.Message) => {
  const answer = Reading.read(message, question, target.trusted)
  return Result.isSuccess(answer)
    ? Effect.succeed(answer.success)
    : Effect.fail(failure(question, answer.failure.reason, answer.failure.detail))
}

const show = ({ address, port }: Server): string =>
  address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`
