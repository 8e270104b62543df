/**
 * From a message to a parcel. Everything that was given is checked here, everything that is missing is added: Date,
 * Message-ID, MIME-Version and the boundaries, from the ambient `Clock` and `Random`, so that a rendering can be
 * repeated exactly. What is composed here is as wide in its body as `Encoding.CurrentWidest` allows, with a narrower rendering for
 * whoever does not take that, and 7-bit in its header, unless a local part is not ASCII.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import { withAmbient } from "./internal/ambient.ts"
import { compose } from "./internal/compose.ts"
import { fromEml } from "./internal/eml.ts"
import { fromStream } from "./internal/emlStream.ts"
import { structure } from "./internal/structure.ts"
import type * as Message from "./Message.ts"
import type * as MessageError from "./MessageError.ts"
import type * as Parcel from "./Parcel.ts"

/**
 * Renders a message. The parcel's body is in memory when it is small and encoded while it is read when it is large;
 * either way it can be sent again and again and is the same each time. It may be 8bit: `Parcel.bodyFor` gives what any
 * server takes. Fails with the first `MessageError` that is
 * found.
 *
 * @category rendering
 * @since 0.1.0
 */
export const render = (message: Message.Message): Effect.Effect<Parcel.Parcel, MessageError.MessageError> => {
  switch (message._tag) {
    case "Composed":
      return withAmbient((ambient) => compose(message, (widest) => structure(message, widest), ambient))
    case "Eml":
      return withAmbient((ambient) => fromEml(message, ambient))
    case "StreamedEml":
      return fromStream(message)
  }
}
