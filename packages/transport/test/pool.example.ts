import { Endpoint } from "@effect-mail/protocol"
import { Credentials, SmtpTransport } from "@effect-mail/transport"
import { Duration, Effect, Layer, Redacted } from "effect"

// How an access token is got from the authorization server of the provider; here it is always the same.
const token = Effect.succeed({ token: Redacted.make("ya29.a0"), expiresIn: Duration.hours(1) })

// At most ten connections, which are kept for a minute when there is no mail. A token is refreshed before it ends.
export const pooled = Layer.unwrap(
  Effect.gen(function* () {
    const credentials = yield* Credentials.oauth({ username: "app@example.com", token })
    return SmtpTransport.layer([Endpoint.make({ host: "smtp.example.com", implicitTls: true })], {
      name: "app.example.com",
      credentials,
      deadline: Duration.minutes(15),
      pool: { maxConnections: 10, idle: Duration.minutes(1), maxWaiting: 1000 }
    })
  })
)
