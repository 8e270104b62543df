/**
 * Reads a message with a large file attached to its end, and prints what that held: the heap and the buffers in use after a
 * collection, at most, above what they were before. Run with --expose-gc.
 */
import * as Attachment from "@effect-mail/message/Attachment"
import * as Message from "@effect-mail/message/Message"
import * as Render from "@effect-mail/message/Render"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect, Stream } from "effect"

const [file = ""] = process.argv.slice(2)

const used = () => {
  // What the first collection finds, other threads free; the second waits for them.
  globalThis.gc?.()
  globalThis.gc?.()
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return { arrayBuffers, heapUsed }
}

const program = Effect.gen(function* () {
  const attachment = yield* Attachment.file(file)
  const { body } = yield* Render.render(
    Message.make({ from: "ada@example.com", to: "bob@example.net", text: "see below\n", attachments: [attachment] })
  )
  const before = used()
  let [heap, buffers, octets, next] = [0, 0, 0, 0]
  yield* Stream.runForEach(body.stream, (piece) =>
    Effect.sync(() => {
      octets += piece.length
      if (octets < next) return
      next += 10_000_000
      const now = used()
      heap = Math.max(heap, now.heapUsed - before.heapUsed)
      buffers = Math.max(buffers, now.arrayBuffers - before.arrayBuffers)
    })
  )
  process.stdout.write(JSON.stringify({ buffers, heap, octets, size: body.size }))
})

await Effect.runPromise(Effect.provide(program, NodeFileSystem.layer))
