// A link names an entry by its number: the list is read on until the entry is there.
import { useEffect } from 'react'

const farthest = 20_000 // entries: beyond that a link alone reads no more, for each part is a request that the log has to keep

/** Asks for more of a list while what is looked for is not among it. */
export function useReach(looking: boolean, read: number, fetching: boolean, more: (() => void) | undefined) {
  useEffect(() => {
    if (looking && !fetching && read < farthest) more?.()
  }, [looking, read, fetching, more])
}
