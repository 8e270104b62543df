/** A name server on loopback whose replies a test makes of the bytes of each question. */
import * as Effect from "effect/Effect"
import * as Dgram from "node:dgram"
import * as Net from "node:net"

export interface Question {
  readonly bytes: Buffer
  readonly protocol: "udp" | "tcp"
  readonly port: number
}

/** The chunks to send; over UDP each is a datagram. */
export type Answer = (question: Question) => ReadonlyArray<Uint8Array>

/** The reply to a question with these bits in the third and fourth octet, and with records behind the question. */
export const reply = (question: Uint8Array, flags: number, records: ReadonlyArray<Uint8Array> = []): Buffer => {
  const header = Buffer.from(question.subarray(0, 12))
  header.writeUInt16BE(flags, 2)
  header.writeUInt16BE(records.length, 6)
  header.writeUInt16BE(0, 10)
  return Buffer.concat([header, question.subarray(12, question.length - 11), ...records])
}

/** An A record for the name of the question. */
export const address = (...octets: ReadonlyArray<number>): Buffer =>
  Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 0, 0, 4, ...octets])

/** The reply as it goes over TCP, with its length in front. */
export const framed = (message: Uint8Array): Buffer => {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(message.length)
  return Buffer.concat([length, message])
}

/** Starts the server; gives its address and the questions it got. */
export const start = (answer: Answer) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly server: string; readonly questions: Array<Question>; readonly close: () => void }>(
      (resume) => {
        const questions: Array<Question> = []
        const tcp = Net.createServer((socket) => {
          socket.on("error", () => socket.destroy())
          socket.once("data", (data) => {
            const question = { bytes: data.subarray(2), protocol: "tcp", port: socket.remotePort ?? 0 } as const
            questions.push(question)
            const chunks = [...answer(question)]
            const next = (): void => {
              const chunk = chunks.shift()
              if (chunk === undefined) socket.end()
              else socket.write(chunk, () => setImmediate(next))
            }
            socket.setNoDelay(true)
            next()
          })
        })
        const udp = Dgram.createSocket("udp4")
        udp.on("message", (bytes, { address, port }) => {
          const question = { bytes, protocol: "udp", port } as const
          questions.push(question)
          for (const datagram of answer(question)) udp.send(datagram, port, address)
        })
        tcp.listen(0, "127.0.0.1", () => {
          const bound = tcp.address()
          const port = typeof bound === "object" && bound !== null ? bound.port : 0
          const close = (): void => {
            udp.close()
            tcp.close()
          }
          udp.bind(port, "127.0.0.1", () => resume(Effect.succeed({ server: `127.0.0.1:${port}`, questions, close })))
        })
      }
    ),
    ({ close }) => Effect.sync(close)
  )
