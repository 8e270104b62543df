/** The peers and their versions, as they are installed. */
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"

const require = createRequire(import.meta.url)

// A manifest has a version; nothing else of it is read.
const versionIn = (file: string): string => (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version

/** The version of a package as it is installed; its main module is in a folder below its manifest. */
const versionOf = (name: string): string => {
  const main = require.resolve(name)
  const folder = main.slice(0, main.lastIndexOf(`/node_modules/${name}/`) + `/node_modules/${name}/`.length)
  return versionIn(`${folder}package.json`)
}

export const upyo = { name: "@upyo/smtp", version: versionOf("@upyo/smtp") }

export const emailjs = { name: "emailjs", version: versionOf("emailjs") }

export const nodemailer = { name: "nodemailer", version: versionIn(require.resolve("nodemailer/package.json")) }

export const mailauth = { name: "mailauth", version: versionIn(require.resolve("mailauth/package.json")) }

export const ours = {
  name: "effect-mail",
  version: versionIn(require.resolve("@effect-mail/protocol/package.json"))
}

/** A peer that is written out in the bench, because everybody has written it once. */
export const written = (name: string) => ({ name, version: "as written here" })
