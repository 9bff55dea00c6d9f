/** Whole-page messages. */
import { type ReactNode, useEffect } from 'react'

export function Logo() {
  return <img src="/icon.svg" width={20} height={20} alt="" />
}

/** Before anything is known: the bar and the canvas, empty. What comes next takes their places. */
export function Blank() {
  return (
    <div className="app-blank" aria-busy="true">
      <div className="app-blank-bar" />
    </div>
  )
}

export function Center({ title, text, children }: { title: string; text: ReactNode; children?: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Jabiru`
  }, [title])
  return (
    <main className="app-center">
      <Logo />
      <h1>{title}</h1>
      <p>{text}</p>
      {children}
    </main>
  )
}
