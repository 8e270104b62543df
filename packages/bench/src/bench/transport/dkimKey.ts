/** A key of 2048 bits, made anew in each process. */
import { generateKeyPairSync } from "node:crypto"

export const key = generateKeyPairSync("rsa", { modulusLength: 2048 })
  .privateKey.export({ type: "pkcs8", format: "pem" })
  .toString()
