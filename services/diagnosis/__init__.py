"""Why an answer is not there: what can be seen of a run and its function call, six lights, one verdict, the next step."""
