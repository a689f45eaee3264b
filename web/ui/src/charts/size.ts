import { useLayoutEffect, useRef, useState } from 'react'

/** The width that an element has: charts are drawn in it, so that their text keeps its size. */
export function useWidth<E extends Element = HTMLDivElement>(atFirst = 640) {
  const ref = useRef<E>(null)
  const [width, setWidth] = useState(atFirst)
  useLayoutEffect(() => {
    const e = ref.current
    if (!e) return
    setWidth(Math.round(e.getBoundingClientRect().width) || atFirst)
    const observer = new ResizeObserver(([entry]) => { if (entry) setWidth(Math.round(entry.contentRect.width)) })
    observer.observe(e)
    return () => observer.disconnect()
  }, [atFirst])
  return [ref, width] as const
}
