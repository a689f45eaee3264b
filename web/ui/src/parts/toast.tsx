import { useSyncExternalStore } from 'react'

interface Toast { id: number; text: string; tone: 'ok' | 'error' }
let toasts: Toast[] = []
let next = 1
const listeners = new Set<() => void>()
function set(all: Toast[]) {
  toasts = all
  for (const l of listeners) l()
}

/** Says what was done, for six seconds: toast('Approval requested'). */
export function toast(text: string, tone: Toast['tone'] = 'ok') {
  const id = next++
  set([...toasts, { id, text, tone }])
  setTimeout(() => set(toasts.filter((t) => t.id !== id)), tone === 'ok' ? 6_000 : 12_000)
}

export function Toasts() {
  const all = useSyncExternalStore((l) => { listeners.add(l); return () => listeners.delete(l) }, () => toasts)
  return (
    <div className="toasts" role="status" aria-live="polite">
      {all.map((t) => <p key={t.id} className={`toast ${t.tone}`}><span aria-hidden="true">{t.tone === 'ok' ? '✓' : '✕'}</span> {t.text}</p>)}
    </div>
  )
}
