#!/usr/bin/python3
"""An event listener as superlance writes them: it speaks the protocol on its standard streams and tells on stderr what it hears.

Each argument says what to do with one event: ok, fail, bad (no RESULT at all), long (a result of several bytes), exit; the last one
goes for all that follow.
"""
import sys


def say(text):
    sys.stdout.write(text)
    sys.stdout.flush()


def tell(text):
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


answers = sys.argv[1:] or ["ok"]
while True:
    say("READY\n")
    line = sys.stdin.readline()
    if not line:
        tell("end of input")
        break
    headers = dict(word.split(":", 1) for word in line.split())
    payload = sys.stdin.read(int(headers["len"]))
    answer = answers.pop(0) if len(answers) > 1 else answers[0]
    tell(line.rstrip("\n") + " -> " + answer)
    for text in payload.split("\n"):
        tell("| " + text)
    if answer == "ok":
        say("RESULT 2\nOK")
    elif answer == "fail":
        say("RESULT 4\nFAIL")
    elif answer == "long":
        say("RESULT 11\nsomething\nx")
    elif answer == "bad":
        say("what?\n")
    elif answer == "exit":
        sys.exit(3)
