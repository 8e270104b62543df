/** A queue that anybody can leave from any place, in constant time. */

interface Node<A> {
  readonly value: A
  before: Node<A> | undefined
  after: Node<A> | undefined
  inside: boolean
}

/** A place in a queue. */
export type Place<A> = Node<A>

/** First in, first out; whoever lost his place through no fault of his own goes to the front. */
export class Fifo<A> {
  #first: Node<A> | undefined
  #last: Node<A> | undefined
  size = 0

  peek(): A | undefined {
    return this.#first?.value
  }

  push(value: A): Place<A> {
    const node: Node<A> = { value, before: this.#last, after: undefined, inside: true }
    if (this.#last === undefined) this.#first = node
    else this.#last.after = node
    this.#last = node
    this.size++
    return node
  }

  unshift(value: A): Place<A> {
    const node: Node<A> = { value, before: undefined, after: this.#first, inside: true }
    if (this.#first === undefined) this.#last = node
    else this.#first.before = node
    this.#first = node
    this.size++
    return node
  }

  shift(): A | undefined {
    const node = this.#first
    if (node !== undefined) this.remove(node)
    return node?.value
  }

  remove(node: Place<A>): void {
    if (!node.inside) return
    node.inside = false
    if (node.before === undefined) this.#first = node.after
    else node.before.after = node.after
    if (node.after === undefined) this.#last = node.before
    else node.after.before = node.before
    this.size--
  }
}
