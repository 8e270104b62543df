/** The index of the first of the sorted times that is later than this one. */
export const firstAfter = (times: ReadonlyArray<number>, time: number): number => {
  let [low, high] = [0, times.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((times[middle] ?? Infinity) > time) high = middle
    else low = middle + 1
  }
  return low
}
