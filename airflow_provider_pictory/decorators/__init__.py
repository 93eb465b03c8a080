"""TaskFlow decorators: ``@task.pictory_image``, ``@task.posteverywhere_media`` and ``@task.posteverywhere_post``."""
