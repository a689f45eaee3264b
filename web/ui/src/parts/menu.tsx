import { useEffect, useRef, type ReactNode } from 'react'

/** A button that opens a list: the browser's own disclosure, closed by Escape or a click elsewhere. */
export function Menu({ label, children, className }: { label: ReactNode; children: ReactNode; className?: string }) {
  const ref = useRef<HTMLDetailsElement>(null)
  useEffect(() => {
    const close = (e: Event) => {
      const d = ref.current
      if (!d?.open) return
      if (e instanceof KeyboardEvent ? e.key === 'Escape' : !d.contains(e.target as Node)) {
        d.open = false
        if (e instanceof KeyboardEvent) d.querySelector('summary')?.focus()
      }
    }
    document.addEventListener('pointerdown', close)
    document.addEventListener('keydown', close)
    return () => {
      document.removeEventListener('pointerdown', close)
      document.removeEventListener('keydown', close)
    }
  }, [])
  return <details ref={ref} className={`menu ${className ?? ''}`}><summary>{label}</summary><div className="menu-body" onClick={(e) => { if ((e.target as Element).closest('a,button')) ref.current!.open = false }}>{children}</div></details>
}
