/**
 * Certificates for test servers, made on the spot and trusted by nobody but the test.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"

/**
 * A self-signed certificate and its private key, both in PEM. A client trusts it by using `certificate` as its authority.
 *
 * @category models
 * @since 0.1.0
 */
export interface TestCertificate {
  readonly names: ReadonlyArray<string>
  readonly certificate: string
  readonly key: string
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const

/**
 * Makes a certificate for these DNS names and IP addresses; the first one is its common name, too. It is valid from 2000 to
 * 2100, whatever time the test lives in.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (...names: readonly [string, ...ReadonlyArray<string>]): Effect.Effect<TestCertificate> =>
  Effect.promise(async () => {
    // The library wants this polyfill first; both are loaded only by tests that speak TLS.
    await import("reflect-metadata")
    const X509 = await import("@peculiar/x509")
    const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])
    const certificate = await X509.X509CertificateGenerator.createSelfSigned({
      name: `CN=${names[0]}`,
      notBefore: new Date(Date.UTC(2000, 0)),
      notAfter: new Date(Date.UTC(2100, 0)),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new X509.BasicConstraintsExtension(true),
        new X509.SubjectAlternativeNameExtension(
          names.map((value) => ({ type: isIp(value) ? ("ip" as const) : ("dns" as const), value }))
        )
      ]
    })
    const key = await crypto.subtle.exportKey("pkcs8", keys.privateKey)
    return { names, certificate: certificate.toString("pem"), key: X509.PemConverter.encode(key, "PRIVATE KEY") }
  })

const isIp = (name: string): boolean => /^[\d.]+$/.test(name) || name.includes(":")
