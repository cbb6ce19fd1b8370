"""Users who ask for the same small answer again and again."""

import os

from locust import FastHttpUser, HttpUser, constant, task

PATH = "/api/v4/system/ping"


if os.environ["LOCUST_KIND"] == "fast":
    class Fast(FastHttpUser):
        wait_time = constant(0)

        @task
        def ping(self):
            self.client.get(PATH)
else:
    class Plain(HttpUser):
        wait_time = constant(0)

        @task
        def ping(self):
            self.client.get(PATH)
