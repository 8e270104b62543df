/** Processes that are waited for: not longer than one has patience, and not when they are gone. */
import type { ChildProcess } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"

/** What comes of an act; fails when that takes more seconds. What is not waited for any more may still go on. */
export const within = async <A>(seconds: number, act: Promise<A>): Promise<A> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${seconds} s`)), seconds * 1000)
  })
  try {
    return await Promise.race([act, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Fails when a process ends, or could not be started. */
export const gone = async (child: ChildProcess, name: string, signal?: AbortSignal): Promise<never> => {
  const [code, killer] = hasEnded(child)
    ? [child.exitCode, child.signalCode]
    : await once(child, "exit", signal === undefined ? {} : { signal })
  throw new Error(`${name} ended with ${killer ?? code}`)
}

/** The next message of a process; fails when it ends instead. */
export const message = async (child: ChildProcess, name: string): Promise<unknown> => {
  const over = new AbortController()
  const { signal } = over
  try {
    const [said] = await Promise.race([once(child, "message", { signal }), gone(child, name, signal)])
    return said
  } finally {
    over.abort()
  }
}

const hasEnded = ({ exitCode, pid, signalCode }: ChildProcess): boolean =>
  pid === undefined || exitCode !== null || signalCode !== null

/** The processes that a process has started; none when it is gone. */
export const childrenOf = (pid: number | undefined): ReadonlyArray<number> => {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    return children.split(" ").filter(Boolean).map(Number)
  } catch {
    return []
  }
}

// How long a process may take to put its things in order, in milliseconds.
const grace = 2000

/** Ends a process: it is asked to, and made to if it does not. */
export const stop = async (child: ChildProcess, ask = () => void child.kill()): Promise<void> => {
  if (hasEnded(child)) return
  const exit = once(child, "exit")
  ask()
  const timer = setTimeout(() => child.kill("SIGKILL"), grace)
  await exit
  clearTimeout(timer)
}

/** Ends a shell, which ends with the program that it waits for. */
export const stopShell = (shell: ChildProcess): Promise<void> =>
  stop(shell, () => {
    for (const pid of childrenOf(shell.pid)) kill(pid)
  })

const kill = (pid: number): void => {
  try {
    process.kill(pid, "SIGKILL")
  } catch {
    // It has just ended.
  }
}
