// Keyboard: sequences of g and a letter, and single keys, which can be switched off. A screen registers its own with useKeys.
import { useEffect, useRef } from 'react'
import { settings } from './settings'

export interface Key { keys: string; does: string; run: (e: KeyboardEvent) => void }

const registered: { current: Key[] }[] = []

/** Registers keys while the component is there. The newest registration of a key wins. */
export function useKeys(keys: Key[]) {
  const held = useRef(keys)
  held.current = keys
  useEffect(() => {
    registered.push(held)
    return () => { registered.splice(registered.indexOf(held), 1) }
  }, [])
}

/** All keys that do something now, for the sheet. */
export function allKeys(): Key[] {
  const seen = new Map<string, Key>()
  for (const group of registered) for (const k of group.current) seen.set(k.keys, k)
  return [...seen.values()]
}

let begun = '' // the first key of a sequence
let begunAt = 0
const patience = 1_200 // ms for the second key

function typing(at: EventTarget | null): boolean {
  return at instanceof HTMLElement && (at.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName) && !(at instanceof HTMLInputElement && /^(radio|checkbox|button)$/.test(at.type)))
}

export function onKeyDown(e: KeyboardEvent) {
  if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || typing(e.target) || document.querySelector('dialog[open]')) return
  const sequence = begun && e.timeStamp - begunAt < patience ? `${begun} ${e.key}` : ''
  begun = ''
  const found = (sequence && find(sequence)) || find(e.key)
  if (found && (sequence === found.keys || settings().singleKeys || e.key.length > 1)) {
    e.preventDefault()
    found.run(e)
  } else if (e.key === 'g' && settings().singleKeys) {
    begun = 'g'
    begunAt = e.timeStamp
  }
}

function find(keys: string): Key | undefined {
  for (let i = registered.length - 1; i >= 0; i--) {
    const key = registered[i]!.current.find((k) => k.keys === keys)
    if (key) return key
  }
  return undefined
}
