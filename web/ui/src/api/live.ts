// What becomes of runs, as it happens: server-sent events, and where they stop coming, asking from time to time.
import { useEffect, useSyncExternalStore } from 'react'
import type { Schemas } from './client'
import { api, ApiError } from './client'
import { queries } from './queries'

type RunEvent = Schemas['RunEvent']

export interface Live {
  state: 'off' | 'live' | 'paused' // paused: the stream is cut off, and is asked for by polling
  at?: Date // of the last sign of life
  runs: ReadonlyMap<string, RunEvent> // the newest event of each run
}

let now: Live = { state: 'off', runs: new Map() }
const listeners = new Set<() => void>()
function set(next: Partial<Live>) {
  now = { ...now, ...next }
  for (const l of listeners) l()
}

/** The newest known of all runs of the tenant. */
export function useLive(): Live {
  return useSyncExternalStore((l) => { listeners.add(l); return () => listeners.delete(l) }, () => now)
}

/** Opens the stream while the component is there: once, in the frame. */
export function useLiveStream(enabled: boolean) {
  useEffect(() => (enabled ? open() : undefined), [enabled])
}

const pollEvery = 5_000

function open(): () => void {
  const source = new EventSource('/api/v1/events')
  let poll: ReturnType<typeof setInterval> | undefined
  let last = ''
  const alive = () => {
    if (poll !== undefined) clearInterval(poll)
    poll = undefined
    set({ state: 'live', at: new Date() })
  }
  source.addEventListener('open', alive)
  source.addEventListener('run', (e) => {
    const event = JSON.parse((e as MessageEvent<string>).data) as RunEvent
    last = event.id
    alive()
    take(event)
  })
  source.addEventListener('gap', () => void queries.invalidateQueries({ predicate: (q) => String(q.queryKey[0]).startsWith('/api/v1/runs') }))
  source.addEventListener('end', () => { source.close(); void queries.invalidateQueries() })
  source.addEventListener('error', () => {
    set({ state: 'paused' })
    poll ??= setInterval(() => void ask(), pollEvery)
    // A refusal closes the stream for good; polling says why, and goes on.
  })
  const ask = async () => {
    try {
      const recent = await api.get('/api/v1/events/recent', { query: last ? { after: last } : {} })
      last = recent.last
      recent.events.forEach(take)
      set({ at: new Date() })
    } catch (e) {
      // The next one may succeed, and the header says since when nothing came; where there are no events at all it never will.
      if (e instanceof ApiError && e.status >= 400 && e.status < 500 && e.status !== 429) stop()
    }
  }
  const stop = () => {
    source.close()
    if (poll !== undefined) clearInterval(poll)
    set({ state: 'off' })
  }
  return stop
}

function take(event: RunEvent) {
  const before = now.runs.get(event.run)
  const runs = new Map(now.runs)
  runs.set(event.run, event)
  set({ runs })
  if (before?.state !== event.state || before.sealed !== event.sealed) {
    void queries.invalidateQueries({ predicate: (q) => q.queryKey[0] === '/api/v1/runs' || (String(q.queryKey[0]).startsWith('/api/v1/runs/{id}') && JSON.stringify(q.queryKey[1]).includes(event.run)) })
  }
}
