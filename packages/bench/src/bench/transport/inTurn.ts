/** Does something a number of times, so many at a time: the next when one is done. */
export const inTurn = async (count: number, atOnce: number, act: () => Promise<void>): Promise<void> => {
  let left = count
  const lane = async () => {
    while (left-- > 0) await act()
  }
  await Promise.all(Array.from({ length: Math.min(count, atOnce) }, lane))
}
