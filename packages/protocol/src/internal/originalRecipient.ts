/**
 * How ORCPT is written (RFC 3461 section 4.2, RFC 6533 section 3).
 *
 * @since 0.1.0
 */
import * as Xtext from "../Xtext.ts"

/** The value of ORCPT; `utf8` tells whether the transaction uses SMTPUTF8, which only the type `utf-8` cares about. */
export const write = (self: { readonly type: string; readonly address: string }, utf8: boolean): string => {
  if (self.type.toLowerCase() !== "utf-8") return `${self.type};${Xtext.encode(self.address)}`
  return `${self.type};${utf8 ? Xtext.encodeUnitext(self.address) : Xtext.encodeUtf8Xtext(self.address)}`
}
