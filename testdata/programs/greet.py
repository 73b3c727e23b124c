"""Asks the webserver to run the job `greeting`, waits for its end and prints how many such runs it knows."""

import json
import sys
import time
import urllib.error
import urllib.request


def ask(query):
    request = urllib.request.Request(
        "http://127.0.0.1:3000/graphql",
        json.dumps({"query": query}).encode(),
        {"Content-Type": "application/json"},
    )
    # Its connections to a database that was replaced are of no use any more, until it has tried each.
    for _ in range(30):
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            failed = error
            time.sleep(2)
    raise failed


if sys.argv[1] == "run":
    job = 'repositoryLocationName: "product", repositoryName: "__repository__", jobName: "greeting"'
    launched = ask(
        f"mutation {{ launchRun(executionParams: {{selector: {{{job}}}, runConfigData: {{}}}}) "
        "{ __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"
    )["launchRun"]
    run = launched.get("run", {}).get("runId") or sys.exit(str(launched))
    status = ""
    for _ in range(90):
        status = ask(f'{{ runOrError(runId: "{run}") {{ ... on Run {{ status }} }} }}')["runOrError"]["status"]
        if status in ("SUCCESS", "FAILURE", "CANCELED"):
            break
        time.sleep(2)
    if status != "SUCCESS":
        sys.exit(f"the run is {status}")

runs = ask('{ runsOrError(filter: {statuses: [SUCCESS]}) { ... on Runs { results { jobName } } } }')
print(len(runs["runsOrError"]["results"]))
