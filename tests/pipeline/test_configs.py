from model.config import Config
from pipeline.configs import CONFIGS, PAPER


def weights(name):
    loss = CONFIGS[name].loss
    return loss.keypoints2d, loss.keypoints3d, loss.pose, loss.betas, loss.smooth


def test_ablations_are_the_rows_of_table_4():
    two, three, pose, betas, smooth = weights("paper")
    assert min(two, three, pose, betas, smooth) > 0
    assert weights("paper-2d") == (two, 0, 0, 0, smooth)
    assert weights("paper-2d-3d") == (two, three, 0, 0, smooth)
    assert weights("paper-2d-smpl") == (two, 0, pose, betas, smooth)
    assert weights("paper-3d-smpl") == (0, three, pose, betas, smooth)


def test_ablations_differ_in_losses_alone_and_can_be_stored():
    for name, config in CONFIGS.items():
        base = CONFIGS[name.split("-")[0]]
        assert Config.from_dict(config.to_dict() | {"loss": base.to_dict()["loss"]}) == base
    assert CONFIGS["paper"] is PAPER
    assert len({config.digest() for config in CONFIGS.values()}) == len(CONFIGS)
