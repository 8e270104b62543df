/**
 * Who we are to a relay: a password, a token or a client certificate as a value, or a source that gives what is good at the
 * moment, such as OAuth access tokens that are refreshed before they expire. Secrets are `Redacted` until the octets of the
 * mechanism are made.
 *
 * @since 0.1.0
 */
import * as Sasl from "@effect-mail/protocol/Sasl"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as Semaphore from "effect/Semaphore"

/**
 * There are no credentials at the moment.
 *
 * @category errors
 * @since 0.1.0
 */
export class CredentialsError extends Data.TaggedError("CredentialsError")<{
  /** Why, without a secret: it is shown in failures and logs. */
  readonly reason: string
}> {
  override get message(): string {
    return this.reason
  }
}

/**
 * Credentials that change in time.
 *
 * @category models
 * @since 0.1.0
 */
export interface Source {
  readonly _tag: "Source"
  /** What is good now. Fails with `CredentialsError` when nothing is. */
  readonly current: Effect.Effect<Sasl.Credentials, CredentialsError>
  /** Is told that a server refused these; says whether another session with what is then `current` may do better. */
  readonly refused: (credentials: Sasl.Credentials) => Effect.Effect<boolean>
}

/**
 * Who we are to a relay. `Sasl.External` stands on the client certificate that the dialer shows.
 *
 * @category models
 * @since 0.1.0
 */
export type Credentials = Sasl.Credentials | Source

/**
 * An access token as an authorization server gives it out (RFC 6749 section 5.1).
 *
 * @category models
 * @since 0.1.0
 */
export interface AccessToken {
  readonly token: Redacted.Redacted
  /** How long it is good from now on; for good when it is absent. */
  readonly expiresIn?: Duration.Duration | undefined
}

/**
 * How access tokens are got.
 *
 * @category models
 * @since 0.1.0
 */
export interface OAuthOptions<E, R> {
  /** Whose mailbox the token opens. */
  readonly username: string
  /** Gets a token. The message of its error is shown in failures and must hold no secret. */
  readonly token: Effect.Effect<AccessToken, E, R>
  /** How long before its end a token is replaced; a minute by default, but never before half its time. */
  readonly refreshBefore?: Duration.Duration | undefined
}

// A token that is refused although it is as new as this is not refused because of its age.
const youth = 60_000

/**
 * Credentials by OAuth 2.0 (OAUTHBEARER, XOAUTH2). A token is kept until shortly before its end; only one is got at a time,
 * however many sessions want it; and one that a server refuses is replaced, unless it has just been got.
 *
 * @category constructors
 * @since 0.1.0
 */
export const oauth = Effect.fnUntraced(function* <E extends { readonly message: string }, R>(
  options: OAuthOptions<E, R>
): Effect.fn.Return<Source, never, R> {
  const context = yield* Effect.context<R>()
  const one = yield* Semaphore.make(1)
  const before = Duration.toMillis(options.refreshBefore ?? Duration.minutes(1))
  let kept: { readonly credentials: Sasl.Credentials; readonly since: number; readonly until: number } | undefined

  const get = Effect.provideContext(options.token, context).pipe(
    Effect.mapError(({ message }) => new CredentialsError({ reason: `no access token could be got: ${message}` }))
  )
  const refresh = Effect.gen(function* () {
    const { expiresIn = Duration.infinity, token } = yield* get
    const since = yield* Clock.currentTimeMillis
    const millis = Duration.toMillis(expiresIn)
    const credentials = new Sasl.Token({ username: options.username, token })
    kept = {
      credentials,
      since,
      until: since + (millis === Infinity ? Infinity : Math.max(millis / 2, millis - before))
    }
    return credentials
  })
  const current = Effect.flatMap(Clock.currentTimeMillis, (now) =>
    kept !== undefined && now < kept.until ? Effect.succeed(kept.credentials) : refresh
  )
  const refused = (credentials: Sasl.Credentials) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      // Somebody has got another one meanwhile.
      if (kept?.credentials !== credentials) return true
      if (now - kept.since < youth) return false
      kept = undefined
      return true
    })
  return { _tag: "Source", current: one.withPermits(1)(current), refused }
})
