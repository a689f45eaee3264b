// The address is the state: whatever a screen shows can be copied as a link.
import { useCallback } from 'react'
import { useLocation, useSearch } from 'wouter'

/** Where a portfolio is shown, in one version of it or in its latest. */
export function portfolioAt(id: string, version?: number): string {
  return `/portfolios/${id}${version ? `?version=${version}` : ''}`
}

/** Where a run of a portfolio is asked for, of one version of it or of its latest. */
export function newRunAt(portfolio: string, version?: number): string {
  return `/runs/new?portfolio=${portfolio}${version ? `&version=${version}` : ''}`
}

/** Where a run is asked for as another was: of the same exposure, with the same settings. */
export function runAgainAt(run: { id: string; portfolio: string; portfolio_version: number }): string {
  return `${newRunAt(run.portfolio, run.portfolio_version)}&like=${run.id}`
}

/** One value of the query of the address. A value that equals its default is left out of the address. */
export function useUrlState(name: string, byDefault = ''): [string, (value: string) => void] {
  const search = useSearch()
  const [, navigate] = useLocation()
  const value = new URLSearchParams(search).get(name) ?? byDefault
  const set = useCallback((next: string) => {
    // What the address holds now, not at the last drawing: two values may be set at once.
    const all = new URLSearchParams(window.location.search)
    if (next === byDefault || next === '') all.delete(name)
    else all.set(name, next)
    const text = all.toString()
    navigate(window.location.pathname + (text ? `?${text}` : ''), { replace: true })
  }, [name, byDefault, navigate])
  return [value, set]
}

/** useUrlState of a fixed set; what is not of it is the first. */
export function useUrlChoice<T extends string>(name: string, choices: readonly [T, ...T[]]): [T, (value: T) => void] {
  const [value, set] = useUrlState(name, choices[0])
  return [(choices as readonly string[]).includes(value) ? (value as T) : choices[0], set]
}
