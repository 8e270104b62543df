/** What a reader finds in a message, whoever composed it: the texts and the attachments. Just enough MIME for the bench. */
import { createHash } from "node:crypto"

const decoded = (body: string, encoding: string): Buffer => {
  switch (encoding) {
    case "base64":
      return Buffer.from(body, "base64")
    case "quoted-printable":
      return Buffer.from(
        body
          .replace(/[ \t]+$/gm, "")
          .replace(/=\r?\n/g, "")
          .replace(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
        "latin1"
      )
    default:
      return Buffer.from(body, "latin1")
  }
}

const field = (header: string, name: string): string =>
  new RegExp(`^${name}:\\s*(.*)$`, "im").exec(header.replace(/\r\n[ \t]+/g, " "))?.[1] ?? ""

const leaf = (type: string, encoding: string, body: string): string => {
  const bytes = decoded(body, encoding)
  // Line ends and the last of them are the composer's choice.
  const content = type.startsWith("text/") ? bytes.toString("latin1").replaceAll("\r\n", "\n").trimEnd() : bytes
  return `${type} ${createHash("sha256").update(content).digest("hex")}`
}

const read = (entity: string): ReadonlyArray<string> => {
  const end = entity.indexOf("\r\n\r\n")
  const header = entity.slice(0, end + 2)
  const body = entity.slice(end + 4)
  const type = field(header, "Content-Type")
  const boundary = /boundary="?([^";]+)/i.exec(type)?.[1]
  if (boundary === undefined) {
    const plain = (type.split(";")[0] ?? "").trim().toLowerCase()
    return [leaf(plain === "" ? "text/plain" : plain, field(header, "Content-Transfer-Encoding").toLowerCase(), body)]
  }
  return `\r\n${body}`
    .split(`\r\n--${boundary}`)
    .slice(1, -1)
    .flatMap((part) => read(part.startsWith("\r\n\r\n") ? part : part.slice(2)))
}

/** The parts of a message in alphabetical order, each with its type and a hash, and whether it is signed. */
export const contentOf = (message: Buffer): ReadonlyArray<string> => {
  const text = message.toString("latin1")
  const signed = /^DKIM-Signature:/im.test(text.slice(0, text.indexOf("\r\n\r\n")))
  return [...(signed ? ["signed"] : []), ...read(text)].toSorted()
}
