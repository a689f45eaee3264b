// The filters of the audit trail, as they stand in the address and as the API takes them.

export interface Filters { from: string; to: string; actor: string; action: string; object: string; outcome: string; order: string }

export const none: Filters = { from: '', to: '', actor: '', action: '', object: '', outcome: '', order: 'newest' }

/** Reads the filters from the query of the address. What is of no use is left out. */
export function fromSearch(search: string): Filters {
  const q = new URLSearchParams(search)
  const f = { ...none }
  for (const name of Object.keys(none) as (keyof Filters)[]) f[name] = q.get(name) ?? none[name]
  if (f.order !== 'oldest') f.order = 'newest'
  if (!outcomes.includes(f.outcome)) f.outcome = ''
  if (!isDay(f.from)) f.from = ''
  if (!isDay(f.to)) f.to = ''
  return f
}

/** The query of an address that shows this. */
export function toSearch(f: Filters): string {
  const q = new URLSearchParams()
  for (const name of Object.keys(none) as (keyof Filters)[]) if (f[name] && f[name] !== none[name]) q.set(name, f[name])
  return q.toString()
}

export const outcomes: readonly string[] = ['', 'done', 'denied', 'failed', 'intent']

function isDay(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(`${text}T00:00:00Z`))
}

/** The filters as the API takes them: days are those of UTC, and the last day is meant whole. */
export function asQuery(f: Filters): { from?: string; to?: string; actor?: string; action?: string; object?: string; outcome?: 'done' | 'denied' | 'failed' | 'intent'; order: 'oldest' | 'newest' } {
  const nextDay = (day: string) => new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString()
  return {
    from: f.from ? `${f.from}T00:00:00Z` : undefined,
    to: f.to ? nextDay(f.to) : undefined,
    actor: f.actor || undefined,
    action: f.action || undefined,
    object: f.object || undefined,
    outcome: (f.outcome || undefined) as 'done' | undefined,
    order: f.order as 'newest',
  }
}

/** How many filters are set, the order aside. */
export function setOf(f: Filters): number {
  return (Object.keys(none) as (keyof Filters)[]).filter((name) => name !== 'order' && f[name] !== '').length
}
