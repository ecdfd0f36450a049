using OrleansLLM.Testing.Contract;
using Xunit.Sdk;

namespace OrleansLLM.Compute.Tests.Contract;

/// <summary>The contract can be kept by a device without bits, and fails for one that breaks what its profile says.</summary>
public sealed class DeviceContractTests
{
    /// <summary>Of attention, whose suite would take the reference device minutes.</summary>
    [Fact]
    public void A_device_without_bits_attends_as_the_contract_has_it()
    {
        new Attends(VaryingProfile.Kept).Attention_agrees_with_the_reference(7, 2, 20, 9, 2);
        new Attends(VaryingProfile.Kept).A_row_is_the_same_alone_and_in_any_batch_chunk_and_thread_count(7, 2, 20, 9, 2);
    }

    [Fact]
    public void A_device_that_is_farther_off_than_it_says_fails()
    {
        var profile = new VaryingProfile(10 * VaryingProfile.Tolerance, BatchDeterminism.RowsVaryWithBatch);
        Fails(() => new Linears(profile).Float_arithmetic_agrees_with_the_reference_for_every_format("Q4_K"));
        Fails(() => new Linears(profile).The_default_arithmetic_agrees_with_the_reference_for_every_format("F32"));
        Fails(() => new Linears(profile).A_row_is_the_same_alone_and_in_any_batch_and_thread_count("F32"));
        Fails(() => new Linears(profile).Logits_take_the_named_rows_and_are_capped());
        Fails(() => new Attends(profile).Attention_agrees_with_the_reference(7, 2, 20, 9, 2));
        Fails(() => new Operations(profile).Norms_agree_with_the_reference(NormKind.Rms, 64));
        Fails(() => new Operations(profile).Activations_agree_with_the_reference(Activation.Silu));
        Fails(() => new Operations(profile).Experts_agree_with_the_reference_and_a_row_is_the_same_alone());
    }

    [Fact]
    public void A_device_whose_draws_are_far_off_fails()
    {
        var profile = new VaryingProfile(0.5, BatchDeterminism.RowsVaryWithBatch);
        Fails(() => new Samples(profile).Draws_are_the_references_under_any_parameters());
        Fails(() => new Samples(profile).Drawn_tokens_follow_their_probabilities());
        Fails(() => new Samples(profile).Log_probabilities_agree_with_the_reference());
    }

    [Fact]
    public void A_device_that_promises_bits_and_has_none_fails()
    {
        var profile = new VaryingProfile(VaryingProfile.Tolerance / 2, BatchDeterminism.RowsIndependent);
        Fails(() => new Linears(profile).A_row_is_the_same_alone_and_in_any_batch_and_thread_count("F32"));
        Fails(() => new Attends(profile).A_row_is_the_same_alone_and_in_any_batch_chunk_and_thread_count(7, 2, 20, 9, 2));
        Fails(() => new Operations(profile).Experts_agree_with_the_reference_and_a_row_is_the_same_alone());
        Fails(() => new Operations(profile).A_device_says_of_its_rows_what_its_tests_hold_it_to());
    }

    private static void Fails(Action test) => Assert.ThrowsAny<XunitException>(test);

    private sealed class Linears(DeviceProfile profile) : LinearContract(profile);

    private sealed class Attends(DeviceProfile profile) : AttendContract(profile);

    private sealed class Operations(DeviceProfile profile) : OperationContract(profile);

    private sealed class Samples(DeviceProfile profile) : SampleContract(profile);
}
