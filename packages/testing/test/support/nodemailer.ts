/** The little of nodemailer that the tests use; it brings no types of its own. */
import { createRequire } from "node:module"

interface Transporter {
  readonly sendMail: (message: Readonly<Record<string, unknown>>) => Promise<{
    readonly accepted: ReadonlyArray<string>
    readonly rejected: ReadonlyArray<string>
    readonly response: string
  }>
  readonly close: () => void
}

interface Nodemailer {
  readonly createTransport: (options: Readonly<Record<string, unknown>>) => Transporter
}

// The package's own documentation says that it is so.
const nodemailer = createRequire(import.meta.url)("nodemailer") as Nodemailer

export const createTransport = nodemailer.createTransport
