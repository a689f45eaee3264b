// What a person sets for this browser: kept in its local storage, never sent. A browser that keeps nothing has the defaults.
import { useSyncExternalStore } from 'react'

export interface Settings {
  theme: 'system' | 'light' | 'dark'
  density: 'compact' | 'comfortable'
  singleKeys: boolean // shortcuts of one key (WCAG 2.1.4: they can be switched off)
  returnPeriods: string // of the run's table; '' is the run's own
}

const defaults: Settings = { theme: 'system', density: 'compact', singleKeys: true, returnPeriods: '' }
const place = 'qrsd.settings'
const listeners = new Set<() => void>()
let current = read()

function read(): Settings {
  try {
    return { ...defaults, ...(JSON.parse(localStorage.getItem(place) ?? '{}') as Partial<Settings>) }
  } catch {
    return defaults
  }
}

export function settings(): Settings { return current }

export function change(next: Partial<Settings>) {
  current = { ...current, ...next }
  try { localStorage.setItem(place, JSON.stringify(current)) } catch { /* it holds until the page is left */ }
  apply()
  for (const l of listeners) l()
}

export function useSettings(): Settings {
  return useSyncExternalStore((l) => { listeners.add(l); return () => listeners.delete(l) }, () => current)
}

/** Puts theme and density on the document, where the style sheets read them. */
export function apply() {
  const root = document.documentElement
  root.dataset.theme = current.theme
  root.dataset.density = current.density
}
