"""The story: a seeded account lives for weeks while faulty, killed and wiped runs load it; then it must equal the API.

python -m tests.story --seeds 100 --database both
"""
