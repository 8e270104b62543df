/**
 * Certificates for test servers, made on the spot and trusted by nobody but the test.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"

/**
 * A certificate and its private key, both in PEM. A client trusts a self-signed one by using `certificate` as its authority.
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
 * What a certificate says; what is absent is as `make` says.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The common name, which no client looks at (RFC 9525); the first of the names by default. */
  readonly commonName?: string | undefined
  readonly validFrom?: Date | undefined
  readonly validTo?: Date | undefined
  /** Who signs it; itself by default. */
  readonly issuer?: TestCertificate | undefined
}

/**
 * Makes a self-signed certificate for these DNS names and IP addresses; the first one is its common name, too. It is valid
 * from 2000 to 2100, whatever time the test lives in.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (...names: readonly [string, ...ReadonlyArray<string>]): Effect.Effect<TestCertificate> =>
  makeWith(names)

/**
 * The same with more to say, such as one that has expired, or that another certificate has signed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeWith = (
  names: readonly [string, ...ReadonlyArray<string>],
  { commonName = names[0], issuer, validFrom, validTo }: Options = {}
): Effect.Effect<TestCertificate> =>
  Effect.promise(async () => {
    // The library wants this polyfill first; both are loaded only by tests that speak TLS.
    await import("reflect-metadata")
    const X509 = await import("@peculiar/x509")
    const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])
    const signer = issuer === undefined ? keys.privateKey : await importKey(X509.PemConverter.decodeFirst(issuer.key))
    const subject = `CN=${commonName}`
    const certificate = await X509.X509CertificateGenerator.create({
      subject,
      issuer: issuer === undefined ? subject : new X509.X509Certificate(issuer.certificate).subject,
      notBefore: validFrom ?? new Date(Date.UTC(2000, 0)),
      notAfter: validTo ?? new Date(Date.UTC(2100, 0)),
      signingAlgorithm: algorithm,
      publicKey: keys.publicKey,
      signingKey: signer,
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

const importKey = (key: ArrayBuffer) => crypto.subtle.importKey("pkcs8", key, algorithm, false, ["sign"])

const isIp = (name: string): boolean => /^[\d.]+$/.test(name) || name.includes(":")
